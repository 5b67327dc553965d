//! A target in the words of the two drivers that the program uses besides its own wire.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_postgres::config::{ChannelBinding, SslMode as DriverSslMode, SslNegotiation as Driver};

use super::policy::{BindingDemand, SslMode, SslNegotiation};
use super::target::{Host, Target};
use super::terms::Roots;

impl Target {
    /// For sqlx, which takes one place: the first. sqlx has no `allow` that tries without TLS first, and no
    /// `sslnegotiation`.
    pub fn sqlx_options(&self) -> PgConnectOptions {
        // PgBouncer refuses a startup parameter that it does not know, and this one changes nothing since PostgreSQL 12.
        let mut options = PgConnectOptions::new_without_pgpass()
            .extra_float_digits(None)
            .username(&self.user)
            .database(&self.database);
        for (parameter, value) in &self.parameters {
            options = match parameter.as_str() {
                "application_name" => options.application_name(value),
                // Already in the form of a command line's switches, which sqlx would make of pairs.
                "options" => options,
                _ => options.options([(parameter, value)]),
            };
        }
        self.sqlx_place(options)
    }

    fn sqlx_place(&self, options: PgConnectOptions) -> PgConnectOptions {
        let Some(place) = self.places.first() else { return options };
        let options = options.port(place.port);
        let options = match &place.host {
            Host::Socket(folder) => options.socket(folder).ssl_mode(PgSslMode::Disable),
            Host::Tcp { name, .. } => self.sqlx_tls(options.host(name)),
        };
        match &place.password {
            Some(password) => options.password(password.reveal()),
            None => options,
        }
    }

    fn sqlx_tls(&self, options: PgConnectOptions) -> PgConnectOptions {
        let mut options = options.ssl_mode(match self.tls.mode {
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Allow => PgSslMode::Allow,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::Require => PgSslMode::Require,
            SslMode::VerifyCa => PgSslMode::VerifyCa,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        });
        if let Roots::File(file) = &self.tls.roots
            && file.exists()
        {
            options = options.ssl_root_cert(file);
        }
        if let (Some(certificate), Some(key)) = (&self.tls.certificate, &self.tls.key)
            && certificate.exists()
        {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        options
    }

    /// For tokio-postgres, with every place. Certificates are the business of the connector that it is given.
    pub fn tokio_postgres_config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.user(&self.user).dbname(&self.database);
        for place in &self.places {
            match &place.host {
                Host::Socket(folder) => config.host_path(folder),
                Host::Tcp { name, .. } => config.host(name),
            };
            config.port(place.port);
        }
        if let Some(password) = self.places.first().and_then(|place| place.password.as_ref()) {
            config.password(password.reveal());
        }
        if let Some(after) = self.connect_timeout {
            config.connect_timeout(after);
        }
        self.tokio_postgres_parameters(&mut config);
        self.tokio_postgres_tls(&mut config);
        config
    }

    fn tokio_postgres_parameters(&self, config: &mut tokio_postgres::Config) {
        if let Some(name) = self.parameters.get("application_name") {
            config.application_name(name);
        }
        if let Some(options) = self.parameters.get("options") {
            config.options(options);
        }
    }

    fn tokio_postgres_tls(&self, config: &mut tokio_postgres::Config) {
        config.ssl_mode(match self.tls.mode {
            SslMode::Disable => DriverSslMode::Disable,
            SslMode::Allow | SslMode::Prefer => DriverSslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => DriverSslMode::Require,
        });
        config.ssl_negotiation(match self.tls.negotiation {
            SslNegotiation::Postgres => Driver::Postgres,
            SslNegotiation::Direct => Driver::Direct,
        });
        config.channel_binding(match self.channel_binding {
            BindingDemand::Disable => ChannelBinding::Disable,
            BindingDemand::Prefer => ChannelBinding::Prefer,
            BindingDemand::Require => ChannelBinding::Require,
        });
    }
}
