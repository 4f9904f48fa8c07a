//! The actions that policies allow or deny.

use crate::pattern::Pattern;

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a request asks for: QLDB's actions, and a few of ours.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Action {
            /// All actions.
            pub const ALL: &[Action] = &[$(Action::$variant),+];

            /// The name in policies.
            pub fn name(self) -> &'static str {
                match self {
                    $(Action::$variant => $name,)+
                }
            }
        }
    };
}

actions! {
    /// To create a ledger.
    CreateLedger = "qldb:CreateLedger";
    /// To delete a ledger.
    DeleteLedger = "qldb:DeleteLedger";
    /// To describe a ledger.
    DescribeLedger = "qldb:DescribeLedger";
    /// To list the ledgers. It has no resource.
    ListLedgers = "qldb:ListLedgers";
    /// To change a ledger's deletion protection or key.
    UpdateLedger = "qldb:UpdateLedger";
    /// To change a ledger's permissions mode.
    UpdateLedgerPermissionsMode = "qldb:UpdateLedgerPermissionsMode";
    /// To open a session on a ledger, and to send commands in it.
    SendCommand = "qldb:SendCommand";
    /// To read a block with its proof.
    GetBlock = "qldb:GetBlock";
    /// To read the digest.
    GetDigest = "qldb:GetDigest";
    /// To read a revision with its proof.
    GetRevision = "qldb:GetRevision";
    /// To prove that an older digest belongs to the same journal. Ours.
    GetConsistencyProof = "qldb:GetConsistencyProof";
    /// To create a ledger that begins with the blocks of another one. Ours.
    ImportJournal = "qldb:ImportJournal";
    /// To ask what became of a transaction that somebody else began. Ours.
    GetTransactionOutcome = "qldb:GetTransactionOutcome";
    /// To export a journal.
    ExportJournalToS3 = "qldb:ExportJournalToS3";
    /// To describe an export.
    DescribeJournalS3Export = "qldb:DescribeJournalS3Export";
    /// To list all exports. It has no resource.
    ListJournalS3Exports = "qldb:ListJournalS3Exports";
    /// To list the exports of a ledger.
    ListJournalS3ExportsForLedger = "qldb:ListJournalS3ExportsForLedger";
    /// To create a stream.
    StreamJournalToKinesis = "qldb:StreamJournalToKinesis";
    /// To cancel a stream.
    CancelJournalKinesisStream = "qldb:CancelJournalKinesisStream";
    /// To describe a stream.
    DescribeJournalKinesisStream = "qldb:DescribeJournalKinesisStream";
    /// To list the streams of a ledger.
    ListJournalKinesisStreamsForLedger = "qldb:ListJournalKinesisStreamsForLedger";
    /// To add tags to a resource.
    TagResource = "qldb:TagResource";
    /// To remove tags from a resource.
    UntagResource = "qldb:UntagResource";
    /// To read the tags of a resource.
    ListTagsForResource = "qldb:ListTagsForResource";
    /// To create a table.
    PartiQLCreateTable = "qldb:PartiQLCreateTable";
    /// To drop a table.
    PartiQLDropTable = "qldb:PartiQLDropTable";
    /// To make a dropped table active again.
    PartiQLUndropTable = "qldb:PartiQLUndropTable";
    /// To create an index.
    PartiQLCreateIndex = "qldb:PartiQLCreateIndex";
    /// To drop an index.
    PartiQLDropIndex = "qldb:PartiQLDropIndex";
    /// To read a table, or the catalog.
    PartiQLSelect = "qldb:PartiQLSelect";
    /// To insert documents.
    PartiQLInsert = "qldb:PartiQLInsert";
    /// To change documents.
    PartiQLUpdate = "qldb:PartiQLUpdate";
    /// To delete documents.
    PartiQLDelete = "qldb:PartiQLDelete";
    /// To read the past of a table.
    PartiQLHistoryFunction = "qldb:PartiQLHistoryFunction";
    /// To redact a revision.
    PartiQLRedact = "qldb:PartiQLRedact";
    /// To change users, groups, policies and keys. Ours; `qldb:*` does not include it.
    ManageIdentity = "everstrand:ManageIdentity";
    /// To list users, groups and policies, and to ask what a user may do. Ours; `qldb:*` does not include it.
    ReadIdentity = "everstrand:ReadIdentity";
}

/// The services whose actions there are.
const SERVICES: &[&str] = &["qldb", "everstrand"];

impl Action {
    /// The action with a name, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|action| action.name().eq_ignore_ascii_case(name))
    }
}

/// The actions of a name with wildcards, one bit for each action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions(u64);

const _: () = assert!(Action::ALL.len() <= 64, "an action has one bit");

impl Actions {
    /// The actions that a text in a policy names. There must be one at least.
    pub(crate) fn parse(text: &str) -> Result<Actions, String> {
        if text == "*" {
            return Ok(Actions::of(|_| true));
        }
        let no_service = || match text.is_empty() {
            true => "there is no action \"\"".to_owned(),
            false => format!("{text:?} has no service before a colon, as in qldb:SendCommand"),
        };
        let (service, _) = text.split_once(':').ok_or_else(no_service)?;
        if !SERVICES.iter().any(|known| known.eq_ignore_ascii_case(service)) {
            return Err(format!("{text:?} is of another service than {}", SERVICES.join(" and ")));
        }
        let pattern = Pattern::new(&text.to_ascii_lowercase());
        let actions = Actions::of(|action| pattern.matches(&action.name().to_ascii_lowercase()));
        match actions {
            Actions(0) if text.contains(['*', '?']) => Err(format!("no action matches {text:?}")),
            Actions(0) => Err(format!("there is no action {text:?} here")),
            actions => Ok(actions),
        }
    }

    fn of(contains: impl Fn(Action) -> bool) -> Actions {
        let contained = Action::ALL.iter().copied().filter(|action| contains(*action));
        Actions(contained.fold(0, |bits, action| bits | Actions::bit(action)))
    }

    fn bit(action: Action) -> u64 {
        1 << action as u64
    }

    /// The actions of both.
    pub(crate) fn or(self, other: Actions) -> Actions {
        Actions(self.0 | other.0)
    }

    /// The actions that are not among these.
    pub(crate) fn others(self) -> Actions {
        Actions::of(|action| !self.contains(action))
    }

    pub(crate) fn contains(self, action: Action) -> bool {
        self.0 & Actions::bit(action) != 0
    }
}
