#!/usr/bin/env bash
# moto 5.2.5: S3 stores a body whose MD5 and SHA-256 are others than the request says, and forgets the lock of a multipart upload.
#
# One would expect: PUT with Content-MD5 or x-amz-checksum-sha256 of another body answers 400 (BadDigest), as S3 does. An upload that was begun with a lock in mode COMPLIANCE is locked when it is completed, and nobody can shorten that lock.
# What happens: both headers are taken and not compared. A multipart object has no lock, and its version can be deleted. The date of a lock can be moved nearer in mode COMPLIANCE.
# Why it matters: a ledger's blocks and exports are written with checksums, and kept under a lock, so that damage on the way and deletion are refused. Tests against moto are green for code that sends the wrong checksum, or relies on a lock that is not there.
# Instead: test both against a real bucket or a server that honours them; moto for what does not depend on them.
# Source: S3's documentation, "Checking object integrity", PutObject (BadDigest), CreateMultipartUpload (x-amz-object-lock-mode), "Object Lock": retention in compliance mode can't be shortened. moto/s3/responses.py.
. "$(dirname "$0")/lib.sh"
python_with 'moto[s3]==5.2.5' boto3==1.40.60 botocore==1.40.60
seen=$("$python" - <<'END'
import base64
import hashlib
from datetime import datetime, timezone
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

far, near = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2090, 2080))


def attempt(name, operation, **arguments):
    try:
        operation(Bucket="blocks", **arguments)
        print(name, "done")
    except ClientError as error:
        print(name, error.response["Error"]["Code"])


def version(key):
    (found,) = s3.list_object_versions(Bucket="blocks", Prefix=key)["Versions"]
    return found["VersionId"]


with mock_aws():
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local")
    s3.create_bucket(Bucket="blocks", ObjectLockEnabledForBucket=True)
    other = b"another body"
    attempt("wrong MD5:", s3.put_object, Key="md5", Body=b"body", ContentMD5=base64.b64encode(hashlib.md5(other).digest()).decode())
    attempt("wrong SHA-256:", s3.put_object, Key="sha", Body=b"body", ChecksumSHA256=base64.b64encode(hashlib.sha256(other).digest()).decode())
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": far}
    s3.put_object(Bucket="blocks", Key="single", Body=b"body", **lock)
    attempt("delete a locked version:", s3.delete_object, Key="single", VersionId=version("single"))
    attempt("shorten its lock:", s3.put_object_retention, Key="single", VersionId=version("single"), Retention={"Mode": "COMPLIANCE", "RetainUntilDate": near})
    upload = s3.create_multipart_upload(Bucket="blocks", Key="parts", **lock)["UploadId"]
    part = s3.upload_part(Bucket="blocks", Key="parts", UploadId=upload, PartNumber=1, Body=b"body")["ETag"]
    s3.complete_multipart_upload(Bucket="blocks", Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})
    attempt("delete a locked version of parts:", s3.delete_object, Key="parts", VersionId=version("parts"))
END
)
expect "a request and its answer" 'wrong MD5: done
wrong SHA-256: done
delete a locked version: AccessDenied
shorten its lock: done
delete a locked version of parts: done' "$seen"
