//! The control API: operations that create, describe, change and delete ledgers.

use std::sync::Arc;

use everstrand_policy::Place;
use everstrand_protocol::control::{
    CancelJournalKinesisStreamRequest, ControlReply, ControlRequest, CreateLedgerRequest, CreateLedgerResult,
    DescribeJournalKinesisStreamRequest, DescribeLedgerResult, EncryptionStatus, EpochMillis,
    LedgerEncryptionDescription, LedgerState, LedgerSummary, ListJournalKinesisStreamsForLedgerResult,
    ListJournalS3ExportsResult, ListLedgersRequest, ListLedgersResult, ListTagsForResourceResult, Nothing,
    Tags, UpdateLedgerPermissionsModeRequest, UpdateLedgerPermissionsModeResult, UpdateLedgerRequest,
    UpdateLedgerResult,
};
use everstrand_protocol::{Exception, ServiceError};

use crate::checkpoints::Published;
use crate::imports::Imports;
use crate::kms::KmsError;
use crate::ledgers::Ledgers;
use crate::record::STRICT_TAG;

/// The name of the service's own key: the master key.
const OWNED_KEY: &str = "AWS_OWNED_KMS_KEY";
/// The number of ledgers in one page of a list, unless the request gives another.
const PAGE: u32 = 100;

/// The operations on ledgers. Most of them wait for files, so they run on threads that may wait.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) published: Arc<Published>,
    pub(crate) imports: Arc<Imports>,
    /// Where the ledgers are, as their ARNs say it.
    pub(crate) place: Place,
}

impl Control {
    /// Whether an operation waits for no file and no store, so that it may run on the runtime's own threads.
    pub(crate) fn is_in_memory(&self, request: &ControlRequest) -> bool {
        !self.ledgers.is_shared()
            && matches!(
                request,
                ControlRequest::DescribeLedger(_)
                    | ControlRequest::ListLedgers(_)
                    | ControlRequest::ListTagsForResource(_)
                    | ControlRequest::ExportJournalToS3(_)
                    | ControlRequest::DescribeJournalS3Export(_)
                    | ControlRequest::ListJournalS3ExportsForLedger(_)
                    | ControlRequest::ListJournalS3Exports(_)
                    | ControlRequest::StreamJournalToKinesis(_)
                    | ControlRequest::DescribeJournalKinesisStream(_)
                    | ControlRequest::ListJournalKinesisStreamsForLedger(_)
                    | ControlRequest::CancelJournalKinesisStream(_)
            )
    }

    /// The ledger that an operation reads without changing it.
    pub(crate) fn ledger_read_by(request: &ControlRequest) -> Option<&str> {
        match request {
            ControlRequest::GetDigest(request) => Some(&request.name),
            ControlRequest::GetBlock(request) => Some(&request.name),
            ControlRequest::GetRevision(request) => Some(&request.name),
            ControlRequest::GetConsistencyProof(request) => Some(&request.name),
            _ => None,
        }
    }

    /// Runs one operation.
    pub(crate) fn run(&self, request: ControlRequest) -> Result<ControlReply, ServiceError> {
        Ok(match request {
            ControlRequest::CreateLedger(request) => ControlReply::CreateLedger(self.create_ledger(request)?),
            ControlRequest::DescribeLedger(request) => {
                ControlReply::DescribeLedger(self.describe_ledger(&request.name)?)
            }
            ControlRequest::ListLedgers(request) => ControlReply::ListLedgers(self.list_ledgers(&request)?),
            ControlRequest::UpdateLedger(request) => {
                ControlReply::UpdateLedger(self.update_ledger(&request)?)
            }
            ControlRequest::UpdateLedgerPermissionsMode(request) => {
                ControlReply::UpdateLedgerPermissionsMode(self.update_permissions_mode(&request)?)
            }
            ControlRequest::DeleteLedger(request) => {
                self.ledgers.delete(&request.name)?;
                ControlReply::DeleteLedger(Nothing {})
            }
            ControlRequest::TagResource(request) => {
                let name = self.ledger_in_arn(&request.resource_arn)?;
                self.ledgers.update(name, |record| {
                    record.tags.extend(request.tags.clone());
                })?;
                ControlReply::TagResource(Nothing {})
            }
            ControlRequest::UntagResource(request) => {
                let name = self.ledger_in_arn(&request.resource_arn)?;
                self.ledgers.update(name, |record| {
                    record.tags.retain(|key, _| !request.tag_keys.contains(key));
                })?;
                ControlReply::UntagResource(Nothing {})
            }
            ControlRequest::ListTagsForResource(request) => {
                let tags = self.ledgers.describe(self.ledger_in_arn(&request.resource_arn)?)?.0.tags;
                ControlReply::ListTagsForResource(ListTagsForResourceResult { tags })
            }
            ControlRequest::GetDigest(request) => ControlReply::GetDigest(self.get_digest(&request)?),
            ControlRequest::GetBlock(request) => ControlReply::GetBlock(self.get_block(&request)?),
            ControlRequest::GetRevision(request) => ControlReply::GetRevision(self.get_revision(&request)?),
            ControlRequest::GetConsistencyProof(request) => {
                ControlReply::GetConsistencyProof(self.get_consistency_proof(&request)?)
            }
            ControlRequest::ImportJournal(request) => {
                ControlReply::ImportJournal(self.imports.run(&self.ledgers, request)?)
            }
            // Exports and streams cannot be created through this API. So the lists are empty, and tools that only list get a
            // true answer.
            ControlRequest::ListJournalS3ExportsForLedger(_) => {
                ControlReply::ListJournalS3ExportsForLedger(ListJournalS3ExportsResult::default())
            }
            ControlRequest::ListJournalS3Exports(_) => {
                ControlReply::ListJournalS3Exports(ListJournalS3ExportsResult::default())
            }
            ControlRequest::ListJournalKinesisStreamsForLedger(request) => {
                self.ledgers.describe(&request.ledger_name)?;
                let none = ListJournalKinesisStreamsForLedgerResult::default();
                ControlReply::ListJournalKinesisStreamsForLedger(none)
            }
            ControlRequest::DescribeJournalS3Export(request) => {
                self.ledgers.describe(&request.name)?;
                return Err(not_found("JournalS3Export", "export", &request.export_id));
            }
            ControlRequest::DescribeJournalKinesisStream(DescribeJournalKinesisStreamRequest {
                ledger_name,
                stream_id,
            })
            | ControlRequest::CancelJournalKinesisStream(CancelJournalKinesisStreamRequest {
                ledger_name,
                stream_id,
            }) => {
                self.ledgers.describe(&ledger_name)?;
                return Err(not_found("JournalKinesisStream", "stream", &stream_id));
            }
            ControlRequest::ExportJournalToS3(_) | ControlRequest::StreamJournalToKinesis(_) => {
                return Err(ServiceError::new(
                    Exception::UnknownOperation,
                    format!("{} is not built yet", request.name()),
                ));
            }
        })
    }

    fn describe_ledger(&self, name: &str) -> Result<DescribeLedgerResult, ServiceError> {
        let (record, impaired) = self.ledgers.describe(name)?;
        let contradiction =
            self.ledgers.strand_id(name)?.and_then(|strand_id| self.published.contradiction(strand_id));
        let reasons: Vec<String> = [impaired, contradiction].into_iter().flatten().collect();
        let impaired = (!reasons.is_empty()).then(|| reasons.join("; "));
        Ok(DescribeLedgerResult {
            impaired,
            arn: Some(self.place.ledger(&record.name)),
            state: Some(record.state),
            creation_date_time: Some(EpochMillis(record.created_millis)),
            permissions_mode: Some(record.permissions_mode),
            deletion_protection: Some(record.deletion_protection),
            encryption_description: self.ledgers.encryption(&record, OWNED_KEY)?,
            strict: Some(self.ledgers.is_strict(&record)),
            restored_from: record.restored_from,
            lies_in_clear: record.clear_slots.map(|slots| {
                format!(
                    "its slots from {} on, of {}: `everstrand encrypt {}` was begun and is not finished; run it again",
                    slots.from, slots.of, record.name
                )
            }),
            name: Some(record.name),
        })
    }

    fn update_permissions_mode(
        &self,
        request: &UpdateLedgerPermissionsModeRequest,
    ) -> Result<UpdateLedgerPermissionsModeResult, ServiceError> {
        let mode = request.permissions_mode;
        let record = self.ledgers.update(&request.name, |record| record.permissions_mode = mode)?;
        Ok(UpdateLedgerPermissionsModeResult {
            arn: Some(self.place.ledger(&record.name)),
            permissions_mode: Some(record.permissions_mode),
            name: Some(record.name),
        })
    }

    fn create_ledger(&self, request: CreateLedgerRequest) -> Result<CreateLedgerResult, ServiceError> {
        let kms_key = self.kms_key(request.kms_key.as_deref())?;
        let protected = request.deletion_protection.unwrap_or(true);
        let mut tags = request.tags;
        set_strict(&mut tags, request.strict);
        let record =
            self.ledgers.create(&request.name, request.permissions_mode, protected, tags, kms_key)?;
        Ok(CreateLedgerResult {
            arn: Some(self.place.ledger(&record.name)),
            // QLDB answered CREATING here. The ledger is active already, as the first DescribeLedger shows.
            state: Some(LedgerState::Creating),
            creation_date_time: Some(EpochMillis(record.created_millis)),
            permissions_mode: Some(record.permissions_mode),
            deletion_protection: Some(record.deletion_protection),
            kms_key_arn: record.kms_key,
            name: Some(record.name),
        })
    }

    /// The ARN of the key that a request names; `None` for the service's own key.
    fn kms_key(&self, name: Option<&str>) -> Result<Option<String>, ServiceError> {
        let Some(name) = name.filter(|name| !matches!(*name, "" | OWNED_KEY)) else { return Ok(None) };
        let refused = |why: &str| {
            let message = format!("The KMS key {name} cannot be used: {why}");
            ServiceError::new(Exception::InvalidParameter, message).with_parameter("KmsKey")
        };
        match self.ledgers.kms_key(name) {
            None => Err(refused(&format!(
                "this server has no KMS (see --kms-endpoint); leave KmsKey out or give {OWNED_KEY}"
            ))),
            Some(Ok(arn)) => Ok(Some(arn)),
            Some(Err(KmsError::Unreachable(why))) => {
                Err(ServiceError::new(Exception::ServiceUnavailable, why))
            }
            Some(Err(error)) => Err(refused(&error.to_string())),
        }
    }

    /// Changes the key of a ledger. `None` is the service's own key.
    fn change_key(&self, name: &str, kms_key: Option<String>) -> Result<(), ServiceError> {
        let (record, _) = self.ledgers.describe(name)?;
        if record.kms_key.is_none() && kms_key.is_none() {
            return Ok(());
        }
        if self.ledgers.encryption(&record, OWNED_KEY)?.is_none() {
            let message = format!(
                "Ledger {name} lies in clear, so it can have no KMS key: encrypt it first (`everstrand encrypt`)"
            );
            return Err(ServiceError::new(Exception::InvalidParameter, message).with_parameter("KmsKey"));
        }
        self.ledgers.change_key(name, kms_key.as_deref())
    }

    fn list_ledgers(&self, request: &ListLedgersRequest) -> Result<ListLedgersResult, ServiceError> {
        let after = request.next_token.as_deref().map(name_from_token).transpose()?;
        self.ledgers.refresh_all()?;
        let limit = usize::try_from(request.max_results.unwrap_or(PAGE)).unwrap_or(usize::MAX);
        let records = self.ledgers.list(after, limit);
        let last = records.last().filter(|_| records.len() == limit).map(|record| record.name.clone());
        let next_token = last
            .filter(|name| !self.ledgers.list(Some(name), 1).is_empty())
            .map(|name| token_from_name(&name));
        let ledgers = records
            .into_iter()
            .map(|record| LedgerSummary {
                state: Some(record.state),
                creation_date_time: Some(EpochMillis(record.created_millis)),
                name: Some(record.name),
            })
            .collect();
        Ok(ListLedgersResult { ledgers, next_token })
    }

    fn update_ledger(&self, request: &UpdateLedgerRequest) -> Result<UpdateLedgerResult, ServiceError> {
        if let Some(name) = &request.kms_key {
            self.change_key(&request.name, self.kms_key(Some(name))?)?;
        }
        let record = self.ledgers.update(&request.name, |record| {
            record.deletion_protection = request.deletion_protection.unwrap_or(record.deletion_protection);
            set_strict(&mut record.tags, request.strict);
        })?;
        let encryption_description = request.kms_key.as_ref().map(|_| LedgerEncryptionDescription {
            kms_key_arn: record.kms_key.clone().unwrap_or_else(|| OWNED_KEY.to_owned()),
            // QLDB answered UPDATING here. The key is in use already, as the next DescribeLedger shows.
            encryption_status: EncryptionStatus::Updating,
            inaccessible_kms_key_date_time: None,
        });
        Ok(UpdateLedgerResult {
            arn: Some(self.place.ledger(&record.name)),
            state: Some(record.state),
            creation_date_time: Some(EpochMillis(record.created_millis)),
            deletion_protection: Some(record.deletion_protection),
            encryption_description,
            name: Some(record.name),
        })
    }

    /// The name of the ledger in an ARN. Region and account are not compared with ours, because a client may still use its ARNs
    /// of AWS.
    fn ledger_in_arn<'a>(&self, arn: &'a str) -> Result<&'a str, ServiceError> {
        let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("ledger/"));
        match resource {
            Some(name) if !name.contains('/') => Ok(name),
            _ => Err(ServiceError::new(
                Exception::InvalidParameter,
                format!("{arn} names no ledger; only ledgers have tags, and their ARNs are arn:aws:qldb:REGION:ACCOUNT:ledger/NAME"),
            )
            .with_parameter("ResourceArn")),
        }
    }
}

/// Sets the tag [`STRICT_TAG`] if the request has the member `Strict`.
fn set_strict(tags: &mut Tags, strict: Option<bool>) {
    if let Some(strict) = strict {
        tags.insert(STRICT_TAG.to_owned(), strict.to_string());
    }
}

fn not_found(resource_type: &str, what: &str, id: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceNotFound, format!("The {what} with id {id} is not found"))
        .with_resource(resource_type, id)
}

/// A page token is the last name of the page behind a prefix, because a token must have four characters and a name may have
/// one.
fn token_from_name(name: &str) -> String {
    format!("after-{name}")
}

fn name_from_token(token: &str) -> Result<&str, ServiceError> {
    token.strip_prefix("after-").ok_or_else(|| {
        ServiceError::new(Exception::InvalidParameter, "The parameter NextToken is not valid")
            .with_parameter("NextToken")
    })
}
