//! A web service over the driver: `POST /cars/VIN` with the owner's name in the body registers a car, `GET
//! /cars/VIN` answers its owner. Each request is one transaction, which the driver repeats when it conflicts.
//!
//! `cargo run --example web_service` starts it, asks it and ends; with `--serve` it goes on until Ctrl-C.

use std::error::Error;
use std::sync::Arc;

use everstrand::server::config::{Config, Storage};
use everstrand::{InProcess, QldbDriver, Service};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};

type Driver = QldbDriver<InProcess>;
type Failure = Box<dyn Error + Send + Sync>;

/// Runs the example. (It is public so that the tests run it, too.)
#[tokio::main]
pub async fn main() -> Result<(), Failure> {
    // The ledger is in this process. `QldbDriver::builder("cars").endpoint(URL).build()` would use a server's.
    let service = Arc::new(Service::open(Config::new(Storage::Memory))?);
    service.create_ledger_unless_it_exists("cars")?;
    let driver = QldbDriver::builder("cars").build_over(Arc::new(InProcess::new(service.clone())))?;
    driver
        .execute(|transaction| async move {
            transaction.execute("CREATE TABLE Car", ()).await?;
            transaction.execute("CREATE INDEX ON Car (VIN)", ()).await.map(drop)
        })
        .await?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    let serving = tokio::spawn(serve(listener, driver.clone()));
    if std::env::args().any(|argument| argument == "--serve") {
        tokio::signal::ctrl_c().await?;
    } else {
        let car = format!("http://{address}/cars/1N4AL11D75C");
        assert_eq!(ask(Method::POST, &car, "Ana").await?, (StatusCode::CREATED, String::new()));
        assert_eq!(ask(Method::POST, &car, "Eve").await?.0, StatusCode::CONFLICT);
        let owner = ask(Method::GET, &car, "").await?;
        println!("{} {}", owner.0, owner.1);
        assert_eq!(owner, (StatusCode::OK, "Ana".to_owned()));
    }
    serving.abort();
    driver.close().await;
    service.close();
    Ok(())
}

/// Serves each connection in a task of its own.
async fn serve(listener: tokio::net::TcpListener, driver: Driver) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        let driver = driver.clone();
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(|request| answer(&driver, request));
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await
        });
    }
}

async fn answer(driver: &Driver, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let (head, body) = request.into_parts();
    let answer = match (head.method, head.uri.path().strip_prefix("/cars/")) {
        (Method::POST, Some(vin)) => {
            let owner = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
            match register(driver, vin, &owner).await? {
                true => (StatusCode::CREATED, String::new()),
                false => (StatusCode::CONFLICT, format!("{vin} has an owner\n")),
            }
        }
        (Method::GET, Some(vin)) => match owner(driver, vin).await? {
            Some(owner) => (StatusCode::OK, owner),
            None => (StatusCode::NOT_FOUND, format!("there is no car {vin}\n")),
        },
        _ => (StatusCode::NOT_FOUND, "ask for /cars/VIN\n".to_owned()),
    };
    Ok(Response::builder().status(answer.0).body(Full::from(answer.1))?)
}

/// Registers a car that has no owner yet; answers whether it had none. Two requests for one car cannot both find
/// none, because one of them conflicts and runs again.
async fn register(driver: &Driver, vin: &str, owner: &str) -> Result<bool, everstrand::Error> {
    driver
        .execute(|transaction| async move {
            let known = transaction.execute("SELECT VALUE 1 FROM Car WHERE VIN = ?", vin).await?;
            if !known.fetch_all().await?.is_empty() {
                return Ok(false);
            }
            transaction.execute("INSERT INTO Car VALUE {'VIN': ?, 'Owner': ?}", (vin, owner)).await?;
            Ok(true)
        })
        .await
}

async fn owner(driver: &Driver, vin: &str) -> Result<Option<String>, everstrand::Error> {
    let found = driver
        .execute(|transaction| async move {
            transaction.execute("SELECT VALUE Owner FROM Car WHERE VIN = ?", vin).await?.fetch_all().await
        })
        .await?;
    Ok(found.first().and_then(|owner| owner.root().as_text().map(str::to_owned)))
}

/// What a client of the service does.
async fn ask(method: Method, url: &str, body: &str) -> Result<(StatusCode, String), Failure> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder().method(method).uri(url).body(Full::<Bytes>::from(body.to_owned()))?;
    let answer = client.request(request).await?;
    let status = answer.status();
    Ok((status, String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec())?))
}
