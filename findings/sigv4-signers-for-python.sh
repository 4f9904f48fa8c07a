#!/usr/bin/env bash
# httpx-auth-awssigv4 0.1.4 signs the host without its port and a query in the order of the caller; aws-requests-auth 0.4.3 sorts a1 before a; requests-aws4auth 1.4.0 signs the S3 key a//b as a/b.
#
# One would expect: three libraries that sign requests by Signature Version 4 sign any valid request as botocore does, which the services accept.
# What happens: each of them makes another canonical request for something usual, and the service answers 403, SignatureDoesNotMatch. httpx-auth-awssigv4 leaves the port of the header Host out, so that nothing behind :8443 can be called; it does not sort parameters, and adds no "=" to one without a value.
#   aws-requests-auth sorts "a1=…" before "a=…", because it compares whole pairs and 1 stands before =, and encodes blanks in S3 keys twice. requests-aws4auth makes one slash of two, which is right for all services but S3.
# Why it matters: these are the libraries by which Python without boto3 reaches S3, OpenSearch, API Gateway and look-alikes of QLDB on a port of their own. The error speaks of a wrong secret, and comes with some requests only.
# Instead: botocore.auth.SigV4Auth and S3SigV4Auth.
# Source: AWS, "Create a signed AWS API request": the header host as it is sent, query parameters sorted by name, no normalization of the path for S3. httpx_auth_awssigv4/auth.py, get_canonical_request; aws_requests_auth/aws_auth.py, get_canonical_querystring; requests_aws4auth/aws4auth.py, amz_cano_path.
. "$(dirname "$0")/lib.sh"
python_with botocore==1.40.60 requests==2.34.2 httpx==0.28.1 httpx-auth-awssigv4==0.1.4 aws-requests-auth==0.4.3 requests-aws4auth==1.4.0
cat >sign.py <<'END'
import hashlib
import hmac
import re
from http.client import HTTPMessage
from urllib.parse import urlsplit
import httpx
import requests
from aws_requests_auth.aws_auth import AWSRequestsAuth
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from httpx_auth_awssigv4 import SigV4Auth as HttpxAuth
from requests_aws4auth import AWS4Auth

NAME, SECRET, REGION = "name", "example", "us-east-1"
EMPTY = hashlib.sha256(b"").hexdigest()


def by_botocore(service, url, headers):
    """The signature that botocore gives the request whose headers are these, with the same headers signed."""
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(NAME, SECRET), service, REGION)
    names = re.search("SignedHeaders=([^,]*)", headers["authorization"])[1].split(";")
    signed = HTTPMessage()
    for name in names:
        signed[name] = urlsplit(url).netloc if name == "host" else headers[name]
    path = signer._normalize_url_path(urlsplit(url).path or "/")
    canonical = "\n".join(["GET", path, signer.canonical_query_string(AWSRequest("GET", url)), signer.canonical_headers(signed) + "\n", ";".join(names), EMPTY])
    date = headers["x-amz-date"]
    scope = [date[:8], REGION, service, "aws4_request"]
    text = "\n".join(["AWS4-HMAC-SHA256", date, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def right(service, url, headers):
    headers = {name.lower(): value for name, value in headers.items()}
    return "signed" if headers["authorization"].endswith("Signature=" + by_botocore(service, url, headers)) else "other"


requests_of = [("es", "/"), ("es", ":8443/"), ("es", "/?b=1&a=2"), ("es", "/?a=1&a1=2"), ("es", "/?pretty"), ("s3", "/a%20b"), ("s3", "/a//b")]
for service, rest in requests_of:
    url = "https://host.example" + rest
    answers = []
    request = httpx.Request("GET", url)
    HttpxAuth(NAME, SECRET, service, REGION)(request)
    answers.append(right(service, url, request.headers))
    for auth in (AWSRequestsAuth(NAME, SECRET, urlsplit(url).netloc, REGION, service), AWS4Auth(NAME, SECRET, REGION, service)):
        prepared = requests.Request("GET", url).prepare()
        answers.append(right(service, prepared.url, auth(prepared).headers))
    print(service, rest, *answers)
END
expect "a request; signed as botocore signs it by httpx-auth-awssigv4, aws-requests-auth, requests-aws4auth" "es / signed signed signed
es :8443/ other signed signed
es /?b=1&a=2 other signed signed
es /?a=1&a1=2 signed other signed
es /?pretty other signed signed
s3 /a%20b other other signed
s3 /a//b signed signed other" "$("$python" -W ignore sign.py)"
