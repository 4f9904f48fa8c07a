//! `everstrand demo`: a ledger with a few vehicles and their owners, and statements that are worth trying on it.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand_driver::{HttpTransport, QldbDriver, TransportError};
use everstrand_ion::{Value, text};
use everstrand_protocol::Exception;
use everstrand_protocol::control::{ControlRequest, CreateLedgerRequest, PermissionsMode, Tags};

use crate::remote::{self, Certificates};

/// Fill a ledger with a sample: vehicles, their registrations, their owners and two changes of owner
///
/// The ledger is created unless it exists. One that has tables already is left as it is. What is printed can be
/// piped: `everstrand demo | everstrand shell vehicle-registration`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    #[arg(default_value = "vehicle-registration")]
    ledger: String,
    /// The server [default: what AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
}

/// The tables, and the fields that each has an index on.
const TABLES: [(&str, &[&str]); 4] = [
    ("Person", &["GovId"]),
    ("DriversLicense", &["PersonId", "LicenseNumber"]),
    ("Vehicle", &["VIN"]),
    ("VehicleRegistration", &["VIN", "LicensePlateNumber"]),
];

/// People: the government's id, and the rest.
const PEOPLE: [(&str, &str); 4] = [
    (
        "AB-1001",
        r#"FirstName: "Ines", LastName: "Okafor", DOB: 1984-03-09T, Address: "3 Harbour Row, Tacoma""#,
    ),
    (
        "AB-1002",
        r#"FirstName: "Jonas", LastName: "Lindqvist", DOB: 1991-11-23T, Address: "77 Mill Lane, Spokane""#,
    ),
    (
        "AB-1003",
        r#"FirstName: "Meera", LastName: "Castellano", DOB: 1978-07-01T, Address: "12 Elm Court, Everett""#,
    ),
    (
        "AB-1004",
        r#"FirstName: "Tomasz", LastName: "Abara", DOB: 1966-01-30T, Address: "5 Quay Street, Olympia""#,
    ),
];

/// Vehicles: the identification number, the owner's government id, the vehicle, and its registration.
const VEHICLES: [(&str, &str, &str, &str); 4] = [
    (
        "EV0000000000ACORN",
        "AB-1001",
        r#"Type: "Sedan", Year: 2011, Make: "Acorn", Model: "Two", Color: "Silver""#,
        r#"LicensePlateNumber: "LEDG01", City: "Tacoma", PendingPenaltyTicketAmount: 90.25, ValidToDate: 2027-05-31T"#,
    ),
    (
        "EV00000000BIRCHGT",
        "AB-1002",
        r#"Type: "Coupe", Year: 2017, Make: "Birch", Model: "GT", Color: "Blue""#,
        r#"LicensePlateNumber: "LEDG02", City: "Spokane", PendingPenaltyTicketAmount: 0.00, ValidToDate: 2026-12-31T"#,
    ),
    (
        "EV000000000CEDAR4",
        "AB-1003",
        r#"Type: "Van", Year: 2020, Make: "Cedar", Model: "4", Color: "White""#,
        r#"LicensePlateNumber: "LEDG03", City: "Everett", PendingPenaltyTicketAmount: 442.30, ValidToDate: 2028-02-29T"#,
    ),
    (
        "EV00000000DOGWOOD",
        "AB-1004",
        r#"Type: "Motorcycle", Year: 2009, Make: "Dogwood", Model: "S", Color: "Red""#,
        r#"LicensePlateNumber: "LEDG04", City: "Olympia", PendingPenaltyTicketAmount: 30.75, ValidToDate: 2027-09-15T"#,
    ),
];

/// Vehicles that were sold, each to a person, in this order.
const SALES: [(&str, &str); 2] = [("EV0000000000ACORN", "AB-1003"), ("EV0000000000ACORN", "AB-1002")];

/// What to try. Each statement stands for something that a ledger can do.
const TRIES: [(&str, &str); 5] = [
    (
        "who drives what",
        "SELECT v.Make, v.Model, r.LicensePlateNumber FROM Vehicle AS v, VehicleRegistration AS r WHERE v.VIN = r.VIN",
    ),
    (
        "who owns what; the owner is named by a document id",
        "SELECT p.FirstName, p.LastName, r.VIN FROM VehicleRegistration AS r, Person AS p BY id WHERE r.Owners.PrimaryOwner.PersonId = id",
    ),
    (
        "every owner that a car ever had",
        "SELECT h.metadata.version, h.metadata.txTime, h.data.Owners.PrimaryOwner.PersonId FROM history(VehicleRegistration) AS h WHERE h.data.VIN = 'EV0000000000ACORN'",
    ),
    (
        "where a document lies in the journal, and its hash",
        "SELECT c.blockAddress, c.hash, c.metadata FROM _ql_committed_Vehicle AS c WHERE c.data.VIN = 'EV00000000BIRCHGT'",
    ),
    (
        "what a change leaves behind",
        "UPDATE Vehicle AS v SET v.Color = 'Green' WHERE v.VIN = 'EV000000000CEDAR4'",
    ),
];

/// Exits with 0, or with 2 if no server answers or the ledger cannot be filled.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let endpoint = remote::endpoint(arguments.endpoint.as_deref());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let filled =
        runtime.block_on(fill(&arguments.ledger, Arc::new(arguments.certificates.transport(&endpoint)?)))?;
    match filled {
        true => println!("-- the ledger {} at {endpoint} has {} tables now", arguments.ledger, TABLES.len()),
        false => println!(
            "-- the ledger {} at {endpoint} has tables already, and nothing was changed",
            arguments.ledger
        ),
    }
    println!("-- try these in: everstrand shell {}", arguments.ledger);
    for (meaning, statement) in TRIES {
        println!("\n-- {meaning}\n{statement};");
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates and fills the ledger; false where it has tables already.
async fn fill(ledger: &str, transport: Arc<HttpTransport>) -> Result<bool, Box<dyn Error>> {
    create_unless_it_exists(&transport, ledger).await?;
    let driver = QldbDriver::builder(ledger).build_over(transport)?;
    if !driver.list_tables().await?.is_empty() {
        driver.close().await;
        return Ok(false);
    }
    create_tables(&driver).await?;
    let people = insert_people(&driver).await?;
    insert_vehicles(&driver, &people).await?;
    for (vin, buyer) in SALES {
        let buyer = people.get(buyer).cloned().unwrap_or_default();
        // Each sale is a transaction of its own, so that the history tells them apart.
        driver
            .execute(|transaction| {
                let buyer = buyer.clone();
                async move {
                    let statement = "UPDATE VehicleRegistration AS r SET r.Owners.PrimaryOwner.PersonId = ? WHERE r.VIN = ?";
                    transaction.execute(statement, (buyer, vin)).await.map(drop)
                }
            })
            .await?;
    }
    driver.close().await;
    Ok(true)
}

async fn create_unless_it_exists(transport: &HttpTransport, ledger: &str) -> Result<(), Box<dyn Error>> {
    let request = ControlRequest::CreateLedger(CreateLedgerRequest {
        name: ledger.to_owned(),
        permissions_mode: PermissionsMode::AllowAll,
        deletion_protection: Some(false),
        kms_key: None,
        tags: Tags::new(),
        strict: None,
    });
    match transport.control(&request).await {
        Ok(_) => Ok(()),
        Err(TransportError::Service(error)) if error.exception == Exception::ResourceAlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn create_tables(driver: &QldbDriver<HttpTransport>) -> Result<(), everstrand_driver::Error> {
    driver
        .execute(|transaction| async move {
            for (table, indexes) in TABLES {
                transaction.execute(&format!("CREATE TABLE {table}"), ()).await?;
                for field in indexes {
                    transaction.execute(&format!("CREATE INDEX ON {table} ({field})"), ()).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Inserts everybody with a licence. Answers each one's document id by the government's id.
async fn insert_people(
    driver: &QldbDriver<HttpTransport>,
) -> Result<BTreeMap<&'static str, String>, Box<dyn Error>> {
    let mut ids = BTreeMap::new();
    for (number, (gov_id, person)) in PEOPLE.into_iter().enumerate() {
        let person = text::read_one(&format!(r#"{{GovId: "{gov_id}", {person}}}"#))?;
        let inserted =
            driver
                .execute(|transaction| {
                    let person = person.clone();
                    async move {
                        transaction.execute("INSERT INTO Person VALUE ?", person).await?.fetch_all().await
                    }
                })
                .await?;
        let id =
            inserted.first().and_then(|row| Some(row.to_value().get("documentId")?.as_text()?.to_owned()));
        let id = id.ok_or("INSERT answered no documentId")?;
        let licence = format!(
            r#"{{PersonId: "{id}", LicenseNumber: "L-{}", LicenseType: "Full", ValidToDate: 2029-06-30T}}"#,
            7001 + number
        );
        insert(driver, "DriversLicense", text::read_one(&licence)?).await?;
        ids.insert(gov_id, id);
    }
    Ok(ids)
}

async fn insert_vehicles(
    driver: &QldbDriver<HttpTransport>,
    people: &BTreeMap<&str, String>,
) -> Result<(), Box<dyn Error>> {
    for (vin, owner, vehicle, registration) in VEHICLES {
        let owner = people.get(owner).map_or("", String::as_str);
        insert(driver, "Vehicle", text::read_one(&format!(r#"{{VIN: "{vin}", {vehicle}}}"#))?).await?;
        let owners = format!(r#"Owners: {{PrimaryOwner: {{PersonId: "{owner}"}}, SecondaryOwners: []}}"#);
        let registration =
            text::read_one(&format!(r#"{{VIN: "{vin}", State: "WA", {registration}, {owners}}}"#))?;
        insert(driver, "VehicleRegistration", registration).await?;
    }
    Ok(())
}

async fn insert(
    driver: &QldbDriver<HttpTransport>,
    table: &str,
    document: Value,
) -> Result<(), everstrand_driver::Error> {
    let statement = format!("INSERT INTO {table} VALUE ?");
    driver
        .execute(|transaction| {
            let (statement, document) = (statement.clone(), document.clone());
            async move { transaction.execute(&statement, document).await.map(drop) }
        })
        .await
}
