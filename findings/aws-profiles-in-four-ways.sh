#!/usr/bin/env bash
# One shared configuration of AWS, four readers: botocore 1.40.60 keeps comments behind values, and the SDK for JavaScript misses profiles and regions.
#
# One would expect: the files ~/.aws/config and ~/.aws/credentials are shared by all SDKs, so that one file means one thing.
# What happens: "region = eu-west-1 # home" is the region "eu-west-1 # home" for botocore, and eu-west-1 for the SDKs for JavaScript, Java and Go; of the secret "abc #def" the three read "abc". A profile whose name is in quotes, with a blank in it, exists for botocore only. One with two blanks before its
#   name does not exist for JavaScript. REGION is the region for botocore and Go, and nothing for JavaScript and Java. None of them says anything.
# Why it matters: a server that checks signatures sees keys that it does not know, or requests for a region with a comment in it. What works with the AWS CLI fails in the service beside it, with an error about credentials.
# Instead: no comments behind values, keys in lower case, names of profiles without blanks, and one blank after "profile".
# Source: the AWS SDKs and Tools Reference Guide, "Using shared config and credentials files": the same files for all tools. botocore/configloader.py: RawConfigParser with its defaults; @smithy/shared-ini-file-loader dist-cjs: parseIni cuts at a blank before ; or #; config/ini of aws-sdk-go-v2.
. "$(dirname "$0")/lib.sh"
python_with botocore==1.40.60
node_with @smithy/shared-ini-file-loader@4.7.2
java_with software.amazon.awssdk:profiles:2.28.29
go_with github.com/aws/aws-sdk-go-v2/config@v1.33.18
cat >config <<'END'
[profile comment]
region = eu-west-1 # home
[profile "quoted name"]
region = eu-west-1
[profile  blanks]
region = eu-west-1
[profile capitals]
REGION = eu-west-1
END
cat >credentials <<'END'
[comment]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = abc #def
END
profiles=(comment 'quoted name' blanks capitals)
cat >read.mjs <<'END'
import { loadSharedConfigFiles } from "@smithy/shared-ini-file-loader";

const { configFile, credentialsFile } = await loadSharedConfigFiles({ configFilepath: "config", filepath: "credentials" });
console.log("JavaScript", ...process.argv.slice(2).map((name) => `| ${configFile[name]?.region ?? "-"}`), "|", credentialsFile.comment.aws_secret_access_key);
END
cat >Read.java <<'END'
import java.nio.file.Path;
import software.amazon.awssdk.profiles.*;

class Read {
    static ProfileFile file(String path, ProfileFile.Type type) {
        return ProfileFile.builder().content(Path.of(path)).type(type).build();
    }

    public static void main(String[] names) {
        ProfileFile config = file("config", ProfileFile.Type.CONFIGURATION);
        System.out.print("Java ");
        for (String name : names) {
            System.out.print("| " + config.profile(name).flatMap(profile -> profile.property("region")).orElse("-") + " ");
        }
        System.out.println("| " + file("credentials", ProfileFile.Type.CREDENTIALS).profile("comment").get().property("aws_secret_access_key").get());
    }
}
END
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	read := func(name string) config.SharedConfig {
		profile, _ := config.LoadSharedConfigProfile(context.Background(), name, func(options *config.LoadSharedConfigOptions) {
			options.ConfigFiles, options.CredentialsFiles = []string{"config"}, []string{"credentials"}
		})
		return profile
	}
	fmt.Print("Go ")
	for _, name := range os.Args[1:] {
		region := read(name).Region
		if region == "" {
			region = "-"
		}
		fmt.Print("| ", region, " ")
	}
	fmt.Println("|", read("comment").Credentials.SecretAccessKey)
}
END
seen=$("$python" - "${profiles[@]}" <<'END'
import sys
from botocore.configloader import load_config, raw_config_parse

profiles = load_config("config")["profiles"]
print("botocore", *("| " + profiles.get(name, {}).get("region", "-") for name in sys.argv[1:]), "|", raw_config_parse("credentials")["comment"]["aws_secret_access_key"])
END
node read.mjs "${profiles[@]}"
java_run Read.java "${profiles[@]}"
go_run "${profiles[@]}")
expect "the region of each profile (comment, quoted name, blanks, capitals), and the secret" 'botocore | eu-west-1 # home | eu-west-1 | eu-west-1 | eu-west-1 | abc #def
JavaScript | eu-west-1 | - | - | - | abc
Java | eu-west-1 | - | eu-west-1 | - | abc
Go | eu-west-1 | - | eu-west-1 | eu-west-1 | abc' "$seen"
