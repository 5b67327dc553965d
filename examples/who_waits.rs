//! Asks a PostgreSQL once who waits for whom, and for what.
//!
//! ```sh
//! cargo run --example who_waits -- 'host=localhost dbname=app'
//! ```
//!
//! Without a connection string the `PG…` variables say where the server is, as for psql.

use std::io::Write as _;

use overbooked::observer::{Inspection, Observer, Watch};
use overbooked::pg::{Environment, Target};
use overbooked::reports::transcript::waits;

#[tokio::main]
async fn main() -> color_eyre::Result<()> {
    let text = std::env::args().nth(1);
    let target = Target::resolve(text.as_deref(), &Environment::of_process())?;
    let observer = Observer::connect(&target, Watch::default(), Inspection::UseIfPresent).await?;
    let everybody = observer.clients().await?;
    for (name, wait) in observer.waits(&everybody).await? {
        writeln!(std::io::stdout(), "{name} {}", waits(&wait))?;
    }
    observer.close().await;
    Ok(())
}
