# Shared by the scripts of this folder, which source it: a temporary folder that goes away at the end, pinned public
# packages in it, and `expect`. Each script fails as soon as what it describes is no longer seen.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
temporary=$(mktemp -d)
trap 'chmod -R u+w "$temporary"; rm -rf "$temporary"' EXIT
cd "$temporary"
# Packages are installed anew in the temporary folder, or kept between runs in the folder that FINDINGS_INSTALLED names.
installed=${FINDINGS_INSTALLED:-$temporary/installed}

# folder_of KIND PACKAGE…: where these packages are installed, in $folder. Fails where they are not yet.
folder_of() {
    folder=$installed/$1-$(printf '%s\n' "${@:2}" | sha256sum | cut -c1-16)
    [ -e "$folder/complete" ]
}

# python_with PACKAGE==VERSION…: a Python environment of its own, whose interpreter is $python.
python_with() {
    if ! folder_of python "$@"; then
        rm -rf "$folder"
        python3 -m venv "$folder"
        "$folder/bin/python" -m pip --disable-pip-version-check --quiet install "$@"
        touch "$folder/complete"
    fi
    python=$folder/bin/python
}

# node_with PACKAGE@VERSION…: packages that `node` finds.
node_with() {
    if ! folder_of node "$@"; then
        mkdir -p "$folder"
        echo '{"private": true}' >"$folder/package.json"
        npm install --prefix "$folder" --silent --no-audit --no-fund --save-exact "$@"
        touch "$folder/complete"
    fi
    ln -sfn "$folder/node_modules" node_modules
}

# java_with GROUP:ARTIFACT:VERSION…: libraries for `java_run`.
java_with() {
    local coordinate
    if ! folder_of java "$@"; then
        mkdir -p "$folder"
        {
            echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
            echo '<groupId>local</groupId><artifactId>local</artifactId><version>1</version><dependencies>'
            for coordinate in "$@"; do
                IFS=: read -r group artifact version <<<"$coordinate"
                echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
            done
            echo '</dependencies></project>'
        } >"$folder/pom.xml"
        mvn --quiet --batch-mode -f "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/libraries" -DincludeScope=runtime >maven ||
            { cat maven >&2; return 1; }
        touch "$folder/complete"
    fi
    libraries=$folder/libraries
}

# java_run FILE.java [ARGUMENT…]: compiles and runs one file of source.
java_run() {
    java -cp "$libraries/*" "$@" 2>errors || { cat errors >&2; return 1; }
}

# go_with MODULE@VERSION…: a Go module in the temporary folder; `go_run [ARGUMENT…]` builds and runs its main.go.
go_with() {
    local module
    go mod init local 2>/dev/null
    for module in "$@"; do
        go mod edit -require "$module"
    done
}
go_run() {
    go mod tidy 2>/dev/null
    go run . "$@"
}

# rust_with 'CRATE = "=VERSION"'…: a Cargo package in the temporary folder; `rust_run [ARGUMENT…]` builds and runs its main.rs.
rust_with() {
    printf '[package]\nname = "local"\nversion = "0.0.0"\nedition = "2021"\n[[bin]]\nname = "local"\npath = "main.rs"\n[dependencies]\n' >Cargo.toml
    printf '%s\n' "$@" >>Cargo.toml
}
rust_run() {
    CARGO_TARGET_DIR=$installed/target cargo run --quiet -- "$@"
}

# expect WHAT WANTED SEEN: prints what was seen, and fails when it is not what the script describes.
expect() {
    printf '%s\n    %s\n' "$1" "${3//$'\n'/$'\n'    }"
    if [ "$2" != "$3" ]; then
        printf 'CHANGED. The script describes:\n    %s\n' "${2//$'\n'/$'\n'    }" >&2
        exit 1
    fi
}

# postgres_run COMMAND…: runs a command beside the PostgreSQL that pgserver 0.1.4 brings; the folder of its socket is in $PGHOST. (Run by root, pgserver
# makes a user of its name.)
postgres_run() {
    python_with pgserver==0.1.4
    chmod 755 .
    cat >postgres_run.py <<'END'
import os
import subprocess
import sys
import pgserver

os.mkdir("data")
server = pgserver.get_server("data")
sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, "PGHOST": os.path.abspath("data"), "PGUSER": "postgres", "PGDATABASE": "postgres"}).returncode)
END
    "$python" -W ignore postgres_run.py "$@"
    rm -rf data
}

# partiql_ask QUERY…: what partiql-lang-kotlin 0.2.7, the interpreter of QLDB's years, answers to each query, beside the query.
partiql_ask() {
    java_with org.partiql:partiql-lang-kotlin:0.2.7
    cat >Ask.java <<'END'
import com.amazon.ion.IonSystem;
import com.amazon.ion.system.IonSystemBuilder;
import org.partiql.lang.CompilerPipeline;
import org.partiql.lang.eval.*;

class Ask {
    public static void main(String[] queries) {
        IonSystem ion = IonSystemBuilder.standard().build();
        for (String query : queries) {
            String answer;
            try {
                answer = CompilerPipeline.standard(ion).compile(query).eval(EvaluationSession.standard()).getIonValue().toString();
            } catch (EvaluationException error) {
                answer = error.getMessage().split("\n")[0];
            }
            System.out.println(query + "  ->  " + answer);
        }
    }
}
END
    java_run Ask.java "$@"
}

# ion_schema_ask CONSTRAINTS VALUE…: whether ion-schema-kotlin 1.2.1 and the crate ion-schema 0.16.1 find each Ion value valid for a type of Ion Schema 1.0
# with these constraints.
ion_schema_ask() {
    java_with com.amazon.ion:ion-schema-kotlin:1.2.1
    cat >Validate.java <<'END'
import com.amazon.ion.IonSystem;
import com.amazon.ion.system.IonSystemBuilder;
import com.amazon.ionschema.*;

class Validate {
    public static void main(String[] arguments) {
        IonSystem ion = IonSystemBuilder.standard().build();
        for (int i = 1; i < arguments.length; i++) {
            String answer;
            try {
                Schema schema = IonSchemaSystemBuilder.standard().withIonSystem(ion).build().newSchema("type::{name: asked, " + arguments[0] + "}");
                answer = schema.getType("asked").isValid(ion.singleValue(arguments[i])) ? "valid" : "invalid";
            } catch (RuntimeException error) {
                answer = error.getClass().getSimpleName();
            }
            System.out.println(arguments[i] + " " + answer);
        }
    }
}
END
    rust_with 'ion-schema = "=0.16.1"' 'ion-rs = "=1.2.0"'
    cat >main.rs <<'END'
use ion_rs::Element;
use ion_schema::{authority::MapDocumentAuthority, system::SchemaSystem};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = format!("type::{{name: asked, {}}}", arguments[0]);
    let authority = MapDocumentAuthority::new([("asked.isl", text.as_str())]);
    let schema = SchemaSystem::new(vec![Box::new(authority)]).load_schema("asked.isl");
    for value in &arguments[1..] {
        let element = Element::read_one(value).unwrap();
        match &schema {
            Ok(schema) => println!("{}", if schema.get_type("asked").unwrap().validate(&element).is_ok() { "valid" } else { "invalid" }),
            Err(_) => println!("error"),
        }
    }
}
END
    paste -d' ' <(java_run Validate.java "$@") <(rust_run "$@")
}
