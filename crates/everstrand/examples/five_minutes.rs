//! The five minutes of the README, in Rust: once against a server, once with the ledger in this process.

use std::error::Error;
use std::sync::Arc;

use everstrand::server::config::{Config, Storage};
use everstrand::{InProcess, QldbDriver, Service, Transport};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A server anywhere, found as the AWS SDKs find it.
    if std::env::var_os("AWS_ENDPOINT_URL_QLDB_SESSION").is_some() {
        first_steps(&QldbDriver::builder("vehicle-registration").build()?).await?;
    }

    // Or the ledger in this process: no socket, no server.
    let service = Arc::new(Service::open(Config::new(Storage::Memory))?);
    service.create_ledger_unless_it_exists("vehicle-registration")?;
    let driver =
        QldbDriver::builder("vehicle-registration").build_over(Arc::new(InProcess::new(service.clone())))?;
    first_steps(&driver).await?;
    driver.close().await;
    service.close();
    Ok(())
}

async fn first_steps<T: Transport>(driver: &QldbDriver<T>) -> Result<(), Box<dyn Error>> {
    if !driver.list_tables().await?.contains(&"Car".to_owned()) {
        driver.execute_statement("CREATE TABLE Car", ()).await?;
        let car = ("1N4AL11D75C", "Ana");
        driver.execute_statement("INSERT INTO Car VALUE {'VIN': ?, 'Owner': ?}", car).await?;
    }
    // A closure is one transaction. It runs again after a conflict with another one.
    let cars = driver
        .execute(|transaction| async move {
            transaction
                .execute("SELECT * FROM Car AS c WHERE c.VIN = ?", "1N4AL11D75C")
                .await?
                .fetch_all()
                .await
        })
        .await?;
    for car in cars {
        println!("{}", car.to_value());
    }
    Ok(())
}
