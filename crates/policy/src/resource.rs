//! The resources that policies name: ARNs with wildcards.

use crate::pattern::Pattern;

/// Where a server's resources are, as their ARNs say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
}

impl Place {
    /// The ARN of a ledger.
    pub fn ledger(&self, ledger: &str) -> String {
        format!("arn:aws:qldb:{}:{}:ledger/{ledger}", self.region, self.account)
    }

    /// The ARN of a table by its id.
    pub fn table(&self, ledger: &str, table_id: &str) -> String {
        format!("{}/table/{table_id}", self.ledger(ledger))
    }

    /// The ARN of the catalog of a ledger.
    pub fn catalog(&self, ledger: &str) -> String {
        format!("{}/information_schema/user_tables", self.ledger(ledger))
    }

    /// The ARN of a stream.
    pub fn stream(&self, ledger: &str, stream: &str) -> String {
        format!("arn:aws:qldb:{}:{}:stream/{ledger}/{stream}", self.region, self.account)
    }
}

/// The resources of a text in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resources {
    /// `*`
    All,
    /// The parts of an ARN. Wildcards of one part do not run into the next.
    Arn { partition: Pattern, region: Pattern, account: Pattern, resource: Pattern, text: String },
}

/// The forms of what stands behind the account. Each star stands for a name or an id.
const FORMS: &[&str] =
    &["ledger/*", "ledger/*/table/*", "ledger/*/information_schema/user_tables", "stream/*/*"];

impl Resources {
    pub(crate) fn parse(text: &str) -> Result<Resources, String> {
        if text == "*" {
            return Ok(Resources::All);
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else {
            return Err(format!(
                "{text:?} is neither * nor an ARN such as arn:aws:qldb:REGION:ACCOUNT:ledger/NAME"
            ));
        };
        if service != "qldb" {
            return Err(format!("{text:?} is of another service than qldb"));
        }
        if text.contains("${") {
            return Err(format!("{text:?}: policy variables are not built"));
        }
        if !FORMS.iter().any(|form| may_be(resource, form)) {
            return Err(format!("{text:?} names neither a ledger, a table, a catalog nor a stream"));
        }
        Ok(Resources::Arn {
            partition: Pattern::new(partition),
            region: Pattern::new(region),
            account: Pattern::new(account),
            resource: Pattern::new(resource),
            text: text.to_owned(),
        })
    }

    pub(crate) fn contain(&self, arn: &str) -> bool {
        let Resources::Arn { partition, region, account, resource, .. } = self else { return true };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", of_partition, "qldb", of_region, of_account, of_resource] = parts[..] else {
            return false;
        };
        partition.matches(of_partition)
            && region.matches(of_region)
            && account.matches(of_account)
            && resource.matches(of_resource)
    }

    /// Why no resource of a place is among these, if none is.
    pub(crate) fn miss(&self, place: &Place) -> Option<String> {
        let Resources::Arn { partition, region, account, text, .. } = self else { return None };
        let found =
            partition.matches("aws") && region.matches(&place.region) && account.matches(&place.account);
        let why = || {
            let Place { region, account } = place;
            format!(
                "{text:?} is no ARN of this server, whose ARNs begin with arn:aws:qldb:{region}:{account}:"
            )
        };
        (!found).then(why)
    }
}

/// Whether a pattern may match a text of a form. A slash in a form stands for itself; a star stands for characters other than
/// slashes. A star of the pattern may cover slashes.
fn may_be(pattern: &str, form: &str) -> bool {
    let (mut patterns, mut forms) = (pattern.split('/'), form.split('/'));
    loop {
        match (patterns.next(), forms.next()) {
            (None, None) => return true,
            (Some(part), Some(form)) => {
                if part.contains('*') {
                    // From here on the star may cover everything.
                    return form == "*" || Pattern::new(part).may_begin_with(form);
                }
                let fits = match form {
                    "*" => !part.is_empty(),
                    form => Pattern::new(part).matches(form),
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}
