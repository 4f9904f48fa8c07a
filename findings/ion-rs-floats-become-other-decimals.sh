#!/usr/bin/env bash
# ion-rs 1.2.0: Decimal::try_from(1e300) is 1.7e301, and that of 1e-16 is zero.
#
# One would expect: "a very close approximation of the original f64's value", as the documentation says.
# What happens: the number before the point goes through an i128, which stops at its largest value, and keeps the exponent: every float from 1.7e38 on is another number, up to seventeen times as large. Behind the point there are fifteen
#   places, whatever the size: 1.5e-16 is zero, and 1.23456e-13 is 1.23e-13. The crate ion-schema 0.16.1 compares floats by this conversion: 1e39 is not below 1d40, and 1e-16 is not above zero.
# Why it matters: rates, probabilities and units of crypto-currencies are such small numbers. They are zero after "read the float, store a decimal", and a schema that asks for a positive rate refuses them.
# Instead: value.to_string().parse() into a decimal, or a decimal from the beginning.
# Source: docs.rs, ion-rs 1.2.0, impl TryFrom<f64> for Decimal; src/types/decimal/mod.rs: `let integral_value = f64_int as i128`. Ion Schema Specification 1.0, "RANGE<NUMBER>": values that fall within the range mathematically.
. "$(dirname "$0")/lib.sh"
schema=$(ion_schema_ask 'valid_values: range::[0, 1d40]' 1e37 1e39
ion_schema_ask 'valid_values: range::[exclusive::0, 1]' 1e-10 1e-16)
rust_with 'ion-rs = "=1.2.0"'
cat >main.rs <<'END'
fn main() {
    for float in [1e37, 1e39, 1e300, 1.5e-9, 1.23456e-13, 1.5e-16] {
        println!("{float:e} {:e}", ion_rs::Decimal::try_from(float).unwrap().to_string().replace('d', "e").parse::<f64>().unwrap());
    }
}
END
expect "float, the decimal made of it" '1e37 1e37
1e39 1.7014118346046923e40
1e300 1.7014118346046923e301
1.5e-9 1.5e-9
1.23456e-13 1.23e-13
1.5e-16 0e0' "$(rust_run)"
expect "from 0 to 1d40, then above 0: value; ion-schema-kotlin; ion-schema in Rust" '1e37 valid valid
1e39 valid invalid
1e-10 valid valid
1e-16 valid invalid' "$schema"
