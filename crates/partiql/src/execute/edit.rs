//! Changes one document: what SET, INSERT INTO a path and REMOVE do to its tree.

use everstrand_ion::{Data, Struct, Symbol, Value};

use crate::error::PartiqlError;
use crate::work::{ELEMENT, Work};

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// Assigns a value. The last field of the path is created if it is absent; if it is repeated, one remains.
    Set { path: Vec<Step>, value: Value },
    /// Inserts into the list or struct at the path.
    Insert { path: Vec<Step>, value: Value, at: At },
    /// Removes the value at the path, if there is one. All fields with the last name of the path are removed.
    Remove { path: Vec<Step> },
}

impl Edit {
    fn path(&self) -> &[Step] {
        match self {
            Edit::Set { path, .. } | Edit::Insert { path, .. } | Edit::Remove { path } => path,
        }
    }
}

/// A step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Field(String),
    Index(usize),
}

/// The place in a container at which a value is inserted.
#[derive(Clone, Debug)]
pub(crate) enum At {
    End,
    Place(Step),
}

/// Applies changes in order. Elements of lists are removed last and from the back, so that the positions in all other
/// changes still mean the elements that they meant before.
pub(crate) fn apply<W: Work>(document: &mut Value, edits: Vec<Edit>, work: &mut W) -> Result<(), PartiqlError>
where
    PartiqlError: From<W::Stop>,
{
    let mut removed_elements = Vec::new();
    for edit in edits {
        work.work(cost(document, edit.path()))?;
        match edit {
            Edit::Set { path, value } => set(document, &path, value)?,
            Edit::Insert { path, value, at } => insert(document, &path, value, at)?,
            Edit::Remove { path } => match path.last() {
                Some(Step::Index(_)) => removed_elements.push(path),
                _ => remove(document, &path),
            },
        }
    }
    // Sorted, the elements of one list follow each other by position; from the back no removal moves the next one.
    removed_elements.sort_unstable();
    removed_elements.dedup();
    for path in removed_elements.iter().rev() {
        work.work(cost(document, path))?;
        remove(document, path);
    }
    Ok(())
}

/// How much work it is to walk a path and to insert at its end. It grows with the members of the containers on the way.
fn cost(document: &Value, path: &[Step]) -> usize {
    let mut cost = ELEMENT;
    let mut value = Some(document);
    for step in path.iter().map(Some).chain([None]) {
        let Some(container) = value else { break };
        let members = match &container.data {
            Data::Struct(fields) => fields.len(),
            Data::List(items) | Data::Sexp(items) => items.len(),
            _ => 0,
        };
        cost += 8 * members;
        value = match step {
            Some(Step::Field(name)) => container.get(name),
            Some(Step::Index(index)) => container.as_sequence().and_then(|items| items.get(*index)),
            None => None,
        };
    }
    cost
}

fn set(document: &mut Value, path: &[Step], value: Value) -> Result<(), PartiqlError> {
    let Some((last, way)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    let container = walk(document, way).map_err(|rest| unresolved(&path[rest..]))?;
    match (&mut container.data, last) {
        (Data::Struct(fields), Step::Field(name)) => {
            assign(fields, name, value);
            Ok(())
        }
        (Data::List(items) | Data::Sexp(items), Step::Index(index)) if *index < items.len() => {
            items[*index] = value;
            Ok(())
        }
        _ => Err(unresolved(&path[way.len()..])),
    }
}

/// Assigns a field, at the place of the first field with its name. Other fields with the name are removed, because some
/// readers would see one of them instead.
fn assign(fields: &mut Struct, name: &str, value: Value) {
    let is_named = |field: &Symbol| field.text() == Some(name);
    let fields = fields.fields_mut();
    let place = fields.iter().position(|(field, _)| is_named(field)).unwrap_or(fields.len());
    fields.retain(|(field, _)| !is_named(field));
    fields.insert(place, (Symbol::from(name), value));
}

fn insert(document: &mut Value, path: &[Step], value: Value, at: At) -> Result<(), PartiqlError> {
    let whole = || {
        let place = if let At::Place(step) = &at { Some(step.clone()) } else { None };
        path.iter().cloned().chain(place).collect::<Vec<Step>>()
    };
    let container = walk(document, path).map_err(|rest| unresolved(&whole()[rest..]))?;
    match (&mut container.data, &at) {
        (Data::List(items) | Data::Sexp(items), At::End) => items.push(value),
        (Data::List(items) | Data::Sexp(items), At::Place(Step::Index(index))) if *index <= items.len() => {
            items.insert(*index, value);
        }
        (Data::Struct(fields), At::Place(Step::Field(name))) => {
            assign(fields, name, value);
        }
        (Data::Struct(_), At::End) => {
            return Err(PartiqlError::statement(
                None,
                "INSERT INTO a struct needs the name of the new field: INSERT INTO path VALUE value AT 'name'",
            ));
        }
        _ => return Err(unresolved(&whole()[path.len().min(whole().len() - 1)..])),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &[Step]) {
    let Some((last, way)) = path.split_last() else {
        return;
    };
    let Ok(container) = walk(document, way) else {
        return;
    };
    match (&mut container.data, last) {
        (Data::Struct(fields), Step::Field(name)) => {
            fields.fields_mut().retain(|(field, _)| field.text() != Some(name));
        }
        (Data::List(items) | Data::Sexp(items), Step::Index(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => {}
    }
}

/// The value at a path, or the number of the step at which there is none.
fn walk<'v>(value: &'v mut Value, path: &[Step]) -> Result<&'v mut Value, usize> {
    let mut value = value;
    for (done, step) in path.iter().enumerate() {
        value = match (&mut value.data, step) {
            (Data::Struct(fields), Step::Field(name)) => fields
                .fields_mut()
                .iter_mut()
                .find(|(field, _)| field.text() == Some(name))
                .map(|(_, value)| value)
                .ok_or(done)?,
            (Data::List(items) | Data::Sexp(items), Step::Index(index)) => {
                items.get_mut(*index).ok_or(done)?
            }
            _ => return Err(done),
        };
    }
    Ok(value)
}

/// QLDB's error for a path to a value that is not there.
fn unresolved(rest: &[Step]) -> PartiqlError {
    let steps: Vec<String> = rest
        .iter()
        .map(|step| match step {
            Step::Field(name) => format!("Field(name={name})"),
            Step::Index(index) => format!("Index(index={index})"),
        })
        .collect();
    PartiqlError::statement(
        None,
        format!(
            "Document path cannot be resolved: the remaining path was not found: DocumentPath(path=[{}])",
            steps.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Uncounted;
    use everstrand_ion::text;

    fn field(name: &str) -> Step {
        Step::Field(name.to_owned())
    }

    fn edited(document: &str, edits: Vec<Edit>) -> String {
        let mut value = text::read_one(document).unwrap();
        match apply(&mut value, edits, &mut Uncounted) {
            Ok(()) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn set(path: Vec<Step>, value: i64) -> Edit {
        Edit::Set { path, value: value.into() }
    }

    #[test]
    fn set_creates_the_last_field_only() {
        assert_eq!(edited("{a:1}", vec![set(vec![field("b")], 2)]), "{a:1,b:2}");
        assert_eq!(edited("{b:0,a:1,c:4,a:2}", vec![set(vec![field("a")], 3)]), "{b:0,a:3,c:4}");
        assert_eq!(edited("{l:[1,2]}", vec![set(vec![field("l"), Step::Index(1)], 3)]), "{l:[1,3]}");
        assert_eq!(
            edited("{a:1}", vec![set(vec![field("b"), field("c")], 2)]),
            "Document path cannot be resolved: the remaining path was not found: \
             DocumentPath(path=[Field(name=b), Field(name=c)])"
        );
        assert_eq!(
            edited("{l:[1]}", vec![set(vec![field("l"), Step::Index(1)], 3)]),
            "Document path cannot be resolved: the remaining path was not found: DocumentPath(path=[Index(index=1)])"
        );
    }

    #[test]
    fn insert_appends_or_takes_a_place() {
        let insert = |path: &[Step], at: At| Edit::Insert { path: path.to_vec(), value: 9i64.into(), at };
        let l = [field("l")];
        assert_eq!(edited("{l:[1,2]}", vec![insert(&l, At::End)]), "{l:[1,2,9]}");
        assert_eq!(edited("{l:[1,2]}", vec![insert(&l, At::Place(Step::Index(0)))]), "{l:[9,1,2]}");
        assert_eq!(edited("{l:[1,2]}", vec![insert(&l, At::Place(Step::Index(2)))]), "{l:[1,2,9]}");
        assert_eq!(edited("{a:1}", vec![insert(&[], At::Place(field("b")))]), "{a:1,b:9}");
        assert_eq!(edited("{a:1,a:2}", vec![insert(&[], At::Place(field("a")))]), "{a:9}");
        assert_eq!(
            edited("{l:5}", vec![insert(&l, At::Place(Step::Index(0)))]),
            "Document path cannot be resolved: the remaining path was not found: DocumentPath(path=[Index(index=0)])"
        );
        assert!(edited("{}", vec![insert(&[], At::End)]).contains("AT 'name'"));
    }

    #[test]
    fn elements_are_removed_by_the_places_they_had() {
        let remove = |index: usize| Edit::Remove { path: vec![field("l"), Step::Index(index)] };
        assert_eq!(edited("{l:[0,1,2,3]}", vec![remove(0), remove(2), remove(0)]), "{l:[1,3]}");
        assert_eq!(edited("{a:1,b:2,a:3}", vec![Edit::Remove { path: vec![field("a")] }]), "{b:2}");
        assert_eq!(edited("{l:[0]}", vec![remove(7), Edit::Remove { path: vec![field("x")] }]), "{l:[0]}");
    }
}
