"""Writes the service models of QLDB's two APIs, in the layout of botocore.

The descriptions below are the whole source: shapes by name, with their members and limits, and
operations with their routes and errors. `python generate.py` writes them to `src/.../data`, and
`python generate.py --check` says whether what lies there is what it would write.
"""

import json
import sys
from pathlib import Path

DATA = Path(__file__).parent / "src" / "everstrand" / "data"

TOKEN = "^[A-Za-z-0-9+/=]+$"
LEDGER_NAME = r"(?!^.*--)(?!^[0-9]+$)(?!^-)(?!.*-$)^[A-Za-z0-9-]+$"


def string(low=None, high=None, pattern=None, doc=None):
    return limits({"type": "string"}, low, high, pattern, doc)


def blob(low=None, high=None, doc=None):
    return limits({"type": "blob"}, low, high, None, doc)


def enum(*names, doc=None):
    return limits({"type": "string", "enum": list(names)}, doc=doc)


def list_of(shape, low=None, high=None, doc=None):
    return limits({"type": "list", "member": {"shape": shape}}, low, high, None, doc)


def limits(shape, low=None, high=None, pattern=None, doc=None):
    for name, value in ("max", high), ("min", low), ("pattern", pattern), ("documentation", doc):
        if value is not None:
            shape[name] = value
    return shape


def structure(doc=None, /, **members):
    """A structure. A member is `(shape, documentation)`, with `!` before the shape where it is required
    and `uri:NAME:` or `query:NAME:` where it does not travel in the body."""
    shape = {"type": "structure", "members": {}}
    required = []
    for name, member in members.items():
        target, text = member if isinstance(member, tuple) else (member, None)
        entry = {}
        if target.startswith("!"):
            required.append(name)
            target = target[1:]
        if ":" in target:
            place, wire_name, target = target.split(":")
            entry["location"] = {"uri": "uri", "query": "querystring"}[place]
            entry["locationName"] = wire_name
        entry["shape"] = target
        if text:
            entry["documentation"] = text
        shape["members"][name] = entry
    if required:
        shape["required"] = required
    if doc:
        shape["documentation"] = doc
    return shape


def exception(doc, status=None, **members):
    shape = structure(doc, **members)
    shape["exception"] = True
    if status:
        shape["error"] = {"httpStatusCode": status}
    return shape


def operation(name, method, uri, request, answer=None, errors=(), doc=None):
    entry = {"name": name, "http": {"method": method, "requestUri": uri}, "input": {"shape": request}}
    if answer:
        entry["output"] = {"shape": answer}
    if errors:
        entry["errors"] = [{"shape": error} for error in errors]
    if doc:
        entry["documentation"] = doc
    return name, entry


SESSION_SHAPES = {
    "LedgerName": string(1, 32, LEDGER_NAME),
    "SessionToken": string(4, 1024, TOKEN),
    "PageToken": string(4, 1024, TOKEN),
    "TransactionId": string(22, 22, "^[A-Za-z-0-9]+$"),
    "Statement": string(1, 100000),
    "IonBinary": blob(1, 131072),
    "IonText": string(1, 1048576),
    "CommitDigest": {"type": "blob"},
    "ErrorCode": {"type": "string"},
    "ErrorMessage": {"type": "string"},
    "ProcessingTimeMilliseconds": {"type": "long"},
    "ReadIOs": {"type": "long"},
    "WriteIOs": {"type": "long"},
    "TimingInformation": structure(
        "How long the service worked on a command.", ProcessingTimeMilliseconds="ProcessingTimeMilliseconds"
    ),
    "IOUsage": structure("Reads and writes that a command cost.", ReadIOs="ReadIOs", WriteIOs="WriteIOs"),
    "ValueHolder": structure(
        "One Ion value, in one of its two forms.",
        IonBinary=("IonBinary", "A complete Ion binary stream of one value."),
        IonText=("IonText", "Ion text of one value."),
    ),
    "ValueHolders": list_of("ValueHolder"),
    "StatementParameters": list_of("ValueHolder"),
    "Page": structure(
        "A part of a statement's result.",
        Values=("ValueHolders", "The rows."),
        NextPageToken=("PageToken", "Where the result goes on; absent on the last page."),
    ),
    "StartSessionRequest": structure("Opens a session.", LedgerName=("!LedgerName", "The ledger to work on.")),
    "StartTransactionRequest": structure("Opens the session's transaction."),
    "ExecuteStatementRequest": structure(
        "Runs a statement in the open transaction.",
        TransactionId=("!TransactionId", "The open transaction."),
        Statement=("!Statement", "The PartiQL text."),
        Parameters=("StatementParameters", "A value for each question mark."),
    ),
    "FetchPageRequest": structure(
        "Asks for the next part of a result.",
        TransactionId=("!TransactionId", "The open transaction."),
        NextPageToken=("!PageToken", "The token of the part before."),
    ),
    "CommitTransactionRequest": structure(
        "Makes the open transaction permanent.",
        TransactionId=("!TransactionId", "The open transaction."),
        CommitDigest=("!CommitDigest", "The hash of what was said in it, computed by the client."),
    ),
    "AbortTransactionRequest": structure("Rolls the open transaction back."),
    "EndSessionRequest": structure("Ends the session."),
    "StartSessionResult": structure(
        "A session was opened.",
        SessionToken=("SessionToken", "Goes with every further command of the session."),
        TimingInformation="TimingInformation",
    ),
    "StartTransactionResult": structure(
        "A transaction was opened.",
        TransactionId=("TransactionId", "Its id."),
        TimingInformation="TimingInformation",
    ),
    "ExecuteStatementResult": structure(
        "A statement was run.",
        FirstPage=("Page", "The first rows."),
        TimingInformation="TimingInformation",
        ConsumedIOs="IOUsage",
    ),
    "FetchPageResult": structure(
        "More of a result.",
        Page=("Page", "The next rows."),
        TimingInformation="TimingInformation",
        ConsumedIOs="IOUsage",
    ),
    "CommitTransactionResult": structure(
        "A transaction is permanent.",
        TransactionId=("TransactionId", "Its id."),
        CommitDigest=("CommitDigest", "The hash as the service computed it."),
        TimingInformation="TimingInformation",
        ConsumedIOs="IOUsage",
    ),
    "AbortTransactionResult": structure("A transaction was rolled back.", TimingInformation="TimingInformation"),
    "EndSessionResult": structure("A session was ended.", TimingInformation="TimingInformation"),
    "SendCommandRequest": structure(
        "The session's token, but for StartSession, and exactly one command.",
        SessionToken="SessionToken",
        **{
            name: f"{name}Request"
            for name in (
                "StartSession",
                "StartTransaction",
                "EndSession",
                "CommitTransaction",
                "AbortTransaction",
                "ExecuteStatement",
                "FetchPage",
            )
        },
    ),
    "SendCommandResult": structure(
        "The result of the command that was sent.",
        **{
            name: f"{name}Result"
            for name in (
                "StartSession",
                "StartTransaction",
                "EndSession",
                "CommitTransaction",
                "AbortTransaction",
                "ExecuteStatement",
                "FetchPage",
            )
        },
    ),
    "BadRequestException": exception(
        "The request or the statement is wrong.", Message="ErrorMessage", Code="ErrorCode"
    ),
    "InvalidSessionException": exception(
        "The session, or its transaction, is gone.", Message="ErrorMessage", Code="ErrorCode"
    ),
    "OccConflictException": exception(
        "What the transaction read was changed by another one.", Message="ErrorMessage"
    ),
    "LimitExceededException": exception("A quota is used up.", Message="ErrorMessage"),
    "RateExceededException": exception("Too many requests in a short time.", Message="ErrorMessage"),
    "CapacityExceededException": exception("The ledger has no room at the moment.", Message="ErrorMessage"),
}

SESSION = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2019-07-11",
        "auth": ["aws.auth#sigv4"],
        "endpointPrefix": "session.qldb",
        "jsonVersion": "1.0",
        "protocol": "json",
        "protocols": ["json"],
        "serviceAbbreviation": "QLDB Session",
        "serviceFullName": "QLDB Session API",
        "serviceId": "QLDB Session",
        "signatureVersion": "v4",
        "signingName": "qldb",
        "targetPrefix": "QLDBSession",
        "uid": "qldb-session-2019-07-11",
    },
    "documentation": "The transactional API of a ledger: sessions, transactions and statements.",
    "operations": dict(
        [
            operation(
                "SendCommand",
                "POST",
                "/",
                "SendCommandRequest",
                "SendCommandResult",
                [name for name, shape in SESSION_SHAPES.items() if shape.get("exception")],
                "Sends one command of a session to a ledger. Drivers are built on it; applications use a driver.",
            )
        ]
    ),
    "shapes": SESSION_SHAPES,
}

# A member that QLDB did not have; a service that does not know it passes over it.
STRICT = ("Boolean", "Whether the ledger's language is QLDB's and nothing else.")

CONTROL_SHAPES = {
    "LedgerName": string(1, 32, LEDGER_NAME),
    "StreamName": string(1, 32, LEDGER_NAME),
    "Arn": string(20, 1600),
    "KmsKey": string(None, 1600),
    "UniqueId": string(22, 22, "^[A-Za-z-0-9]+$"),
    "MaxResults": {"type": "integer", "min": 1, "max": 100},
    "NextToken": string(4, 1024, TOKEN),
    "S3Bucket": string(3, 255, "^[A-Za-z-0-9-_.]+$"),
    "S3Prefix": string(0, 128),
    "Boolean": {"type": "boolean"},
    "DeletionProtection": {"type": "boolean"},
    "Timestamp": {"type": "timestamp"},
    "Digest": blob(32, 32),
    "IonText": {"type": "string", "min": 1, "max": 1048576, "sensitive": True},
    "ErrorMessage": {"type": "string"},
    "ParameterName": {"type": "string"},
    "ResourceName": {"type": "string"},
    "ResourceType": {"type": "string"},
    "TagKey": string(1, 128),
    "TagValue": string(0, 256),
    "TagKeyList": list_of("TagKey", 0, 200),
    "Tags": {"type": "map", "key": {"shape": "TagKey"}, "value": {"shape": "TagValue"}, "min": 0, "max": 200},
    "PermissionsMode": enum("ALLOW_ALL", "STANDARD", doc="Who may run statements."),
    "LedgerState": enum("CREATING", "ACTIVE", "DELETING", "DELETED"),
    "EncryptionStatus": enum("ENABLED", "UPDATING", "KMS_KEY_INACCESSIBLE"),
    "ExportStatus": enum("IN_PROGRESS", "COMPLETED", "CANCELLED"),
    "StreamStatus": enum("ACTIVE", "COMPLETED", "CANCELED", "FAILED", "IMPAIRED"),
    "ErrorCause": enum("KINESIS_STREAM_NOT_FOUND", "IAM_PERMISSION_REVOKED"),
    "OutputFormat": enum("ION_BINARY", "ION_TEXT", "JSON"),
    "S3ObjectEncryptionType": enum("SSE_KMS", "SSE_S3", "NO_ENCRYPTION"),
    "ValueHolder": structure("One Ion value as text.", IonText="IonText"),
    "LedgerEncryptionDescription": structure(
        "The key of a ledger.",
        KmsKeyArn="!Arn",
        EncryptionStatus="!EncryptionStatus",
        InaccessibleKmsKeyDateTime="Timestamp",
    ),
    "LedgerSummary": structure(
        "A ledger in a list.", Name="LedgerName", State="LedgerState", CreationDateTime="Timestamp"
    ),
    "LedgerList": list_of("LedgerSummary"),
    "CreateLedgerRequest": structure(
        Name=("!LedgerName", "The ledger's name."),
        Tags=("Tags", "Tags of the ledger."),
        PermissionsMode=("!PermissionsMode", "Who may run statements."),
        DeletionProtection=("DeletionProtection", "Whether deletion must be allowed first; true when absent."),
        KmsKey=("KmsKey", "The key that encrypts the ledger."),
        Strict=STRICT,
    ),
    "CreateLedgerResponse": structure(
        Name="LedgerName",
        Arn="Arn",
        State="LedgerState",
        CreationDateTime="Timestamp",
        PermissionsMode="PermissionsMode",
        DeletionProtection="DeletionProtection",
        KmsKeyArn="Arn",
    ),
    "DescribeLedgerRequest": structure(Name="!uri:name:LedgerName"),
    "DescribeLedgerResponse": structure(
        Name="LedgerName",
        Arn="Arn",
        State="LedgerState",
        CreationDateTime="Timestamp",
        PermissionsMode="PermissionsMode",
        DeletionProtection="DeletionProtection",
        EncryptionDescription="LedgerEncryptionDescription",
        Strict=STRICT,
    ),
    "ListLedgersRequest": structure(
        MaxResults="query:max_results:MaxResults", NextToken="query:next_token:NextToken"
    ),
    "ListLedgersResponse": structure(Ledgers="LedgerList", NextToken="NextToken"),
    "UpdateLedgerRequest": structure(
        Name="!uri:name:LedgerName", DeletionProtection="DeletionProtection", KmsKey="KmsKey", Strict=STRICT
    ),
    "UpdateLedgerResponse": structure(
        Name="LedgerName",
        Arn="Arn",
        State="LedgerState",
        CreationDateTime="Timestamp",
        DeletionProtection="DeletionProtection",
        EncryptionDescription="LedgerEncryptionDescription",
    ),
    "UpdateLedgerPermissionsModeRequest": structure(
        Name="!uri:name:LedgerName", PermissionsMode="!PermissionsMode"
    ),
    "UpdateLedgerPermissionsModeResponse": structure(
        Name="LedgerName", Arn="Arn", PermissionsMode="PermissionsMode"
    ),
    "DeleteLedgerRequest": structure(Name="!uri:name:LedgerName"),
    "GetDigestRequest": structure(Name="!uri:name:LedgerName"),
    "GetDigestResponse": structure(
        Digest=("!Digest", "The hash that stands for the whole journal."),
        DigestTipAddress=("!ValueHolder", "The last block that it covers."),
    ),
    "GetBlockRequest": structure(
        Name="!uri:name:LedgerName",
        BlockAddress=("!ValueHolder", "Strand and sequence number of the block."),
        DigestTipAddress=("ValueHolder", "The tip of the digest that the proof is to lead to."),
    ),
    "GetBlockResponse": structure(Block="!ValueHolder", Proof="ValueHolder"),
    "GetRevisionRequest": structure(
        Name="!uri:name:LedgerName",
        BlockAddress=("!ValueHolder", "Strand and sequence number of the block."),
        DocumentId=("!UniqueId", "The document."),
        DigestTipAddress=("ValueHolder", "The tip of the digest that the proof is to lead to."),
    ),
    "GetRevisionResponse": structure(Proof="ValueHolder", Revision="!ValueHolder"),
    "GetConsistencyProofRequest": structure(
        Name="!uri:name:LedgerName",
        OldDigestTipAddress=("!ValueHolder", "The tip of the older digest."),
        DigestTipAddress=("!ValueHolder", "The tip of the newer digest."),
    ),
    "GetConsistencyProofResponse": structure(Proof="!ValueHolder"),
    "S3EncryptionConfiguration": structure(ObjectEncryptionType="!S3ObjectEncryptionType", KmsKeyArn="Arn"),
    "S3ExportConfiguration": structure(
        Bucket="!S3Bucket", Prefix="!S3Prefix", EncryptionConfiguration="!S3EncryptionConfiguration"
    ),
    "ExportJournalToS3Request": structure(
        Name="!uri:name:LedgerName",
        InclusiveStartTime="!Timestamp",
        ExclusiveEndTime="!Timestamp",
        S3ExportConfiguration="!S3ExportConfiguration",
        RoleArn="!Arn",
        OutputFormat="OutputFormat",
    ),
    "ExportJournalToS3Response": structure(ExportId="!UniqueId"),
    "JournalS3ExportDescription": structure(
        LedgerName="!LedgerName",
        ExportId="!UniqueId",
        ExportCreationTime="!Timestamp",
        Status="!ExportStatus",
        InclusiveStartTime="!Timestamp",
        ExclusiveEndTime="!Timestamp",
        S3ExportConfiguration="!S3ExportConfiguration",
        RoleArn="!Arn",
        OutputFormat="OutputFormat",
    ),
    "JournalS3ExportList": list_of("JournalS3ExportDescription"),
    "DescribeJournalS3ExportRequest": structure(Name="!uri:name:LedgerName", ExportId="!uri:exportId:UniqueId"),
    "DescribeJournalS3ExportResponse": structure(ExportDescription="!JournalS3ExportDescription"),
    "ListJournalS3ExportsForLedgerRequest": structure(
        Name="!uri:name:LedgerName",
        MaxResults="query:max_results:MaxResults",
        NextToken="query:next_token:NextToken",
    ),
    "ListJournalS3ExportsForLedgerResponse": structure(
        JournalS3Exports="JournalS3ExportList", NextToken="NextToken"
    ),
    "ListJournalS3ExportsRequest": structure(
        MaxResults="query:max_results:MaxResults", NextToken="query:next_token:NextToken"
    ),
    "ListJournalS3ExportsResponse": structure(JournalS3Exports="JournalS3ExportList", NextToken="NextToken"),
    "KinesisConfiguration": structure(StreamArn="!Arn", AggregationEnabled="Boolean"),
    "StreamJournalToKinesisRequest": structure(
        LedgerName="!uri:name:LedgerName",
        RoleArn="!Arn",
        Tags="Tags",
        InclusiveStartTime="!Timestamp",
        ExclusiveEndTime="Timestamp",
        KinesisConfiguration="!KinesisConfiguration",
        StreamName="!StreamName",
    ),
    "StreamJournalToKinesisResponse": structure(StreamId="UniqueId"),
    "JournalKinesisStreamDescription": structure(
        LedgerName="!LedgerName",
        CreationTime="Timestamp",
        InclusiveStartTime="Timestamp",
        ExclusiveEndTime="Timestamp",
        RoleArn="!Arn",
        StreamId="!UniqueId",
        Arn="Arn",
        Status="!StreamStatus",
        KinesisConfiguration="!KinesisConfiguration",
        ErrorCause="ErrorCause",
        StreamName="!StreamName",
    ),
    "JournalKinesisStreamDescriptionList": list_of("JournalKinesisStreamDescription"),
    "DescribeJournalKinesisStreamRequest": structure(
        LedgerName="!uri:name:LedgerName", StreamId="!uri:streamId:UniqueId"
    ),
    "DescribeJournalKinesisStreamResponse": structure(Stream="JournalKinesisStreamDescription"),
    "ListJournalKinesisStreamsForLedgerRequest": structure(
        LedgerName="!uri:name:LedgerName",
        MaxResults="query:max_results:MaxResults",
        NextToken="query:next_token:NextToken",
    ),
    "ListJournalKinesisStreamsForLedgerResponse": structure(
        Streams="JournalKinesisStreamDescriptionList", NextToken="NextToken"
    ),
    "CancelJournalKinesisStreamRequest": structure(
        LedgerName="!uri:name:LedgerName", StreamId="!uri:streamId:UniqueId"
    ),
    "CancelJournalKinesisStreamResponse": structure(StreamId="UniqueId"),
    "TagResourceRequest": structure(ResourceArn="!uri:resourceArn:Arn", Tags="!Tags"),
    "TagResourceResponse": structure(),
    "UntagResourceRequest": structure(ResourceArn="!uri:resourceArn:Arn", TagKeys="!query:tagKeys:TagKeyList"),
    "UntagResourceResponse": structure(),
    "ListTagsForResourceRequest": structure(ResourceArn="!uri:resourceArn:Arn"),
    "ListTagsForResourceResponse": structure(Tags="Tags"),
    "InvalidParameterException": exception(
        "A parameter is wrong.", 400, Message="ErrorMessage", ParameterName="ParameterName"
    ),
    "LimitExceededException": exception(
        "A quota is used up.", 400, Message="ErrorMessage", ResourceType="ResourceType"
    ),
    **{
        name: exception(
            doc, status, Message="ErrorMessage", ResourceType="ResourceType", ResourceName="ResourceName"
        )
        for name, status, doc in (
            ("ResourceNotFoundException", 404, "There is no such ledger, export or stream."),
            ("ResourceAlreadyExistsException", 409, "The name is taken."),
            ("ResourceInUseException", 409, "The ledger is being created or deleted."),
            ("ResourcePreconditionNotMetException", 412, "The ledger is in a state that forbids the operation."),
        )
    },
}

WRONG, MISSING, TAKEN, BUSY, UNMET, LIMIT = (
    "InvalidParameterException",
    "ResourceNotFoundException",
    "ResourceAlreadyExistsException",
    "ResourceInUseException",
    "ResourcePreconditionNotMetException",
    "LimitExceededException",
)


def control(name, method, uri, errors=(), answer=True, doc=None):
    return operation(name, method, uri, f"{name}Request", f"{name}Response" if answer else None, errors, doc)


LEDGER = "/ledgers/{name}"
EXPORTS = "/journal-s3-exports"
STREAMS = "/journal-kinesis-streams"
TAGS = "/tags/{resourceArn}"

CONTROL = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2019-01-02",
        "auth": ["aws.auth#sigv4"],
        "endpointPrefix": "qldb",
        "jsonVersion": "1.0",
        "protocol": "rest-json",
        "protocols": ["rest-json"],
        "serviceAbbreviation": "QLDB",
        "serviceFullName": "QLDB control API",
        "serviceId": "QLDB",
        "signatureVersion": "v4",
        "signingName": "qldb",
        "uid": "qldb-2019-01-02",
    },
    "documentation": "The management API: ledgers, proofs, exports, streams and tags.",
    "operations": dict(
        [
            control(
                "CreateLedger", "POST", "/ledgers", [WRONG, TAKEN, LIMIT, BUSY], doc="Creates a ledger."
            ),
            control("DescribeLedger", "GET", LEDGER, [WRONG, MISSING], doc="Tells a ledger's state and settings."),
            control("ListLedgers", "GET", "/ledgers", doc="Lists the ledgers, page by page."),
            control("UpdateLedger", "PATCH", LEDGER, [WRONG, MISSING], doc="Changes a ledger's settings."),
            control(
                "UpdateLedgerPermissionsMode",
                "PATCH",
                f"{LEDGER}/permissions-mode",
                [WRONG, MISSING],
                doc="Changes who may run statements.",
            ),
            control(
                "DeleteLedger",
                "DELETE",
                LEDGER,
                [WRONG, MISSING, BUSY, UNMET],
                answer=False,
                doc="Deletes a ledger and all that is in it.",
            ),
            control(
                "GetDigest", "POST", f"{LEDGER}/digest", [WRONG, MISSING, UNMET], doc="Asks for the digest."
            ),
            control(
                "GetBlock",
                "POST",
                f"{LEDGER}/block",
                [WRONG, MISSING, UNMET],
                doc="Asks for a block, and for its proof.",
            ),
            control(
                "GetRevision",
                "POST",
                f"{LEDGER}/revision",
                [WRONG, MISSING, UNMET],
                doc="Asks for a revision of a document, and for its proof.",
            ),
            control(
                "GetConsistencyProof",
                "POST",
                f"{LEDGER}/consistency-proof",
                [WRONG, MISSING, UNMET],
                doc="Asks for the proof that a newer digest continues an older one. QLDB had no such operation.",
            ),
            control(
                "ExportJournalToS3",
                "POST",
                f"{LEDGER}{EXPORTS}",
                [MISSING, UNMET],
                doc="Exports the journal between two times.",
            ),
            control(
                "DescribeJournalS3Export",
                "GET",
                f"{LEDGER}{EXPORTS}/{{exportId}}",
                [MISSING],
                doc="Tells how an export stands.",
            ),
            control(
                "ListJournalS3ExportsForLedger", "GET", f"{LEDGER}{EXPORTS}", doc="Lists the exports of a ledger."
            ),
            control("ListJournalS3Exports", "GET", EXPORTS, doc="Lists the exports of all ledgers."),
            control(
                "StreamJournalToKinesis",
                "POST",
                f"{LEDGER}{STREAMS}",
                [WRONG, MISSING, UNMET],
                doc="Starts a stream of the journal.",
            ),
            control(
                "DescribeJournalKinesisStream",
                "GET",
                f"{LEDGER}{STREAMS}/{{streamId}}",
                [WRONG, MISSING, UNMET],
                doc="Tells how a stream stands.",
            ),
            control(
                "ListJournalKinesisStreamsForLedger",
                "GET",
                f"{LEDGER}{STREAMS}",
                [WRONG, MISSING, UNMET],
                doc="Lists the streams of a ledger.",
            ),
            control(
                "CancelJournalKinesisStream",
                "DELETE",
                f"{LEDGER}{STREAMS}/{{streamId}}",
                [WRONG, MISSING, UNMET],
                doc="Ends a stream.",
            ),
            control("TagResource", "POST", TAGS, [WRONG, MISSING], doc="Adds tags to a resource."),
            control("UntagResource", "DELETE", TAGS, [WRONG, MISSING], doc="Takes tags away from a resource."),
            control("ListTagsForResource", "GET", TAGS, [WRONG, MISSING], doc="Lists the tags of a resource."),
        ]
    ),
    "shapes": CONTROL_SHAPES,
}

MODELS = {
    DATA / "qldb" / "2019-01-02" / "service-2.json": CONTROL,
    DATA / "qldb-session" / "2019-07-11" / "service-2.json": SESSION,
}


def text_of(model):
    return json.dumps(model, indent=1, ensure_ascii=False) + "\n"


def main():
    if sys.argv[1:] == ["--check"]:
        stale = [str(path) for path, model in MODELS.items() if not path.exists() or path.read_text() != text_of(model)]
        if stale:
            sys.exit(f"not as generate.py would write it: {', '.join(stale)}")
        return
    for path, model in MODELS.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(model))


if __name__ == "__main__":
    main()
