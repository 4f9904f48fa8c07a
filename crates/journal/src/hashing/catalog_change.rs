//! Changes of the catalog: tables and indexes that come and go.
//!
//! QLDB's blocks showed such a change as a revision with its hash alone. Our blocks store it whole, so that tables
//! and indexes can be rebuilt from the journal alone. In QLDB's shape of a block it shows as `{hash}` too.

use everstrand_ion::{Struct, Value, ion_hash};

use crate::hashing::{Hash, UniqueId};

/// One change of the catalog. Its hash is that of its Ion form, [`CatalogChange::to_ion`].
#[derive(Clone, Debug, PartialEq)]
pub enum CatalogChange {
    /// `CREATE TABLE`.
    CreateTable {
        /// The id of the table.
        table_id: UniqueId,
        /// The name of the table.
        name: String,
        /// The tags of the table, a struct; `None` if it has none.
        tags: Option<Value>,
    },
    /// `DROP TABLE`: the table becomes inactive and keeps its history.
    DropTable {
        /// The id of the table.
        table_id: UniqueId,
    },
    /// `UNDROP TABLE`: an inactive table becomes active again.
    UndropTable {
        /// The id of the table.
        table_id: UniqueId,
    },
    /// `CREATE INDEX`.
    CreateIndex {
        /// The id of the index.
        index_id: UniqueId,
        /// The id of its table.
        table_id: UniqueId,
        /// The name of the index; `None` if it has none.
        name: Option<String>,
        /// The indexed paths, in order. Each is a list of field names, from the top of the document.
        paths: Vec<Vec<String>>,
        /// Whether no two documents may share a key.
        unique: bool,
    },
    /// `DROP INDEX`.
    DropIndex {
        /// The id of the index.
        index_id: UniqueId,
        /// The id of its table.
        table_id: UniqueId,
    },
}

impl CatalogChange {
    /// The id of the table that it changes.
    pub fn table_id(&self) -> UniqueId {
        match self {
            CatalogChange::CreateTable { table_id, .. }
            | CatalogChange::DropTable { table_id }
            | CatalogChange::UndropTable { table_id }
            | CatalogChange::CreateIndex { table_id, .. }
            | CatalogChange::DropIndex { table_id, .. } => *table_id,
        }
    }

    /// The struct that is stored and hashed. Its field `change` names the kind of the change.
    pub fn to_ion(&self) -> Value {
        let id = |id: &UniqueId| Value::from(id.to_string());
        let mut fields = Struct::default();
        match self {
            CatalogChange::CreateTable { table_id, name, tags } => {
                fields.push("change", "CREATE_TABLE");
                fields.push("tableId", id(table_id));
                fields.push("tableName", name.as_str());
                if let Some(tags) = tags {
                    fields.push("tags", tags.clone());
                }
            }
            CatalogChange::DropTable { table_id } => {
                fields.push("change", "DROP_TABLE");
                fields.push("tableId", id(table_id));
            }
            CatalogChange::UndropTable { table_id } => {
                fields.push("change", "UNDROP_TABLE");
                fields.push("tableId", id(table_id));
            }
            CatalogChange::CreateIndex { index_id, table_id, name, paths, unique } => {
                let path = |path: &Vec<String>| {
                    Value::from(path.iter().map(|name| name.as_str().into()).collect::<Vec<Value>>())
                };
                fields.push("change", "CREATE_INDEX");
                fields.push("indexId", id(index_id));
                fields.push("tableId", id(table_id));
                fields.push("paths", paths.iter().map(path).collect::<Vec<Value>>());
                fields.push("unique", *unique);
                if let Some(name) = name {
                    fields.push("indexName", name.as_str());
                }
            }
            CatalogChange::DropIndex { index_id, table_id } => {
                fields.push("change", "DROP_INDEX");
                fields.push("indexId", id(index_id));
                fields.push("tableId", id(table_id));
            }
        }
        fields.into()
    }

    /// A list of changes.
    pub(crate) fn list_to_ion(changes: &[CatalogChange]) -> Value {
        changes.iter().map(CatalogChange::to_ion).collect::<Vec<Value>>().into()
    }

    /// The changes in a list, as [`CatalogChange::list_to_ion`] writes it.
    pub(crate) fn list_from_ion(list: &Value) -> Result<Vec<CatalogChange>, InvalidChange> {
        let changes = list.as_sequence().ok_or_else(|| InvalidChange("they are not a list".to_owned()))?;
        changes.iter().map(CatalogChange::try_from).collect()
    }

    /// The Ion hash of [`CatalogChange::to_ion`], which stands among the hashes of a block's revisions.
    pub fn hash(&self) -> Hash {
        Hash(ion_hash(&self.to_ion()))
    }
}

/// An Ion value is not a catalog change that this version knows; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a catalog change: {0}")]
pub struct InvalidChange(String);

impl TryFrom<&Value> for CatalogChange {
    type Error = InvalidChange;

    fn try_from(value: &Value) -> Result<CatalogChange, InvalidChange> {
        let text = |name: &str| {
            let field = value.get(name).filter(|field| !field.is_null()).and_then(Value::as_text);
            field.ok_or_else(|| InvalidChange(format!("no text {name}")))
        };
        let id = |name: &str| {
            text(name)?.parse::<UniqueId>().map_err(|error| InvalidChange(format!("{name} is {error}")))
        };
        Ok(match text("change")? {
            "CREATE_TABLE" => CatalogChange::CreateTable {
                table_id: id("tableId")?,
                name: text("tableName")?.to_owned(),
                tags: value.get("tags").cloned(),
            },
            "DROP_TABLE" => CatalogChange::DropTable { table_id: id("tableId")? },
            "UNDROP_TABLE" => CatalogChange::UndropTable { table_id: id("tableId")? },
            "CREATE_INDEX" => CatalogChange::CreateIndex {
                index_id: id("indexId")?,
                table_id: id("tableId")?,
                name: match value.get("indexName") {
                    None => None,
                    Some(_) => Some(text("indexName")?.to_owned()),
                },
                paths: paths(value).ok_or_else(|| InvalidChange("paths are no lists of names".to_owned()))?,
                unique: value.get("unique") == Some(&Value::from(true)),
            },
            "DROP_INDEX" => CatalogChange::DropIndex { index_id: id("indexId")?, table_id: id("tableId")? },
            other => return Err(InvalidChange(format!("{other:?} is unknown to this version"))),
        })
    }
}

fn paths(value: &Value) -> Option<Vec<Vec<String>>> {
    let path = |path: &Value| {
        path.as_sequence()?
            .iter()
            .map(|name| Some(name.as_text()?.to_owned()))
            .collect::<Option<Vec<String>>>()
    };
    value.get("paths")?.as_sequence()?.iter().map(path).collect()
}
