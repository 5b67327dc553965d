//! A target in the words of sqlx, the driver that the program uses besides its own wire.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::policy::SslMode;
use super::target::{Host, Target};
use super::terms::Roots;

impl Target {
    /// For sqlx, which takes one place: the first. sqlx has no `allow` that tries without TLS
    /// first, and no `sslnegotiation`.
    pub fn sqlx_options(&self) -> PgConnectOptions {
        // PgBouncer refuses a startup parameter that it does not know, and this one changes nothing
        // since PostgreSQL 12.
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
            // A socket is never encrypted, whatever `sslmode` says; sqlx would ask for TLS and, if
            // it is demanded, fail.
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
            // The usual files of `~/.postgresql` are named even where they are not there: libpq
            // then goes without them, and sqlx would fail to read them.
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
}
