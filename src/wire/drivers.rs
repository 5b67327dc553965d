//! A target in the words of the two drivers that the program uses besides its own wire.

use sqlx::postgres::PgConnectOptions;

use super::target::{Host, Target};

impl Target {
    /// For sqlx, which takes one place: the first.
    pub fn sqlx_options(&self) -> PgConnectOptions {
        let options =
            PgConnectOptions::new_without_pgpass().username(&self.user).database(&self.database);
        let options = self.sqlx_place(options);
        match self.parameters.get("application_name") {
            Some(name) => options.application_name(name),
            None => options,
        }
    }

    fn sqlx_place(&self, options: PgConnectOptions) -> PgConnectOptions {
        let Some(place) = self.places.first() else { return options };
        let options = options.port(place.port);
        let options = match &place.host {
            Host::Socket(folder) => options.socket(folder),
            Host::Tcp { name, .. } => options.host(name),
        };
        match &place.password {
            Some(password) => options.password(password.reveal()),
            None => options,
        }
    }

    /// For tokio-postgres, with every place. Its TLS comes from a connector of its own.
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
        if let Some(name) = self.parameters.get("application_name") {
            config.application_name(name);
        }
        config
    }
}
