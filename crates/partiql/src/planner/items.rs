//! The items of a select list by their names, because GROUP BY, HAVING and ORDER BY may name them.

use crate::ast::{self, Identifier, SelectItem, is_aggregate, last_name};
use crate::error::PartiqlError;

/// The items of a select list that have names.
#[derive(Default)]
pub(super) struct NamedItems<'a>(Vec<NamedItem<'a>>);

struct NamedItem<'a> {
    name: &'a str,
    /// Whether AS gives the name. Such a name wins over the last name of a path.
    is_given: bool,
    value: &'a ast::Expression,
    /// Whether an aggregate is in it, so that it has no value before rows are grouped.
    is_aggregated: bool,
}

impl<'a> NamedItems<'a> {
    /// The items of a query; none if the query has no clause that may name them.
    pub(super) fn of(query: &'a ast::Query) -> NamedItems<'a> {
        let ast::Projection::Items(items) = &query.projection else { return NamedItems::default() };
        if query.group.is_none() && query.having.is_none() && query.order.is_none() {
            return NamedItems::default();
        }
        let named = items.iter().filter_map(|item| {
            let SelectItem::Expression { value, alias } = item else { return None };
            let name = alias.as_ref().map(|alias| alias.name.as_str()).or_else(|| last_name(value))?;
            Some(NamedItem {
                name,
                is_given: alias.is_some(),
                value,
                is_aggregated: value.any(&mut is_aggregate),
            })
        });
        NamedItems(named.collect())
    }

    /// The item that a key of GROUP BY names. An item with an aggregate is none, because it has no value before rows
    /// are grouped.
    pub(super) fn for_key(&self, key: &ast::Expression) -> Result<Option<&'a ast::Expression>, PartiqlError> {
        let ast::Expression::Variable(ast::Variable { name, local: false }) = key else { return Ok(None) };
        let item = self.item(name)?.filter(|item| !item.is_aggregated);
        Ok(item.map(|item| item.value))
    }

    /// How many named items there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The item of a name.
    pub(super) fn named(&self, name: &Identifier) -> Result<Option<&'a ast::Expression>, PartiqlError> {
        Ok(self.item(name)?.map(|item| item.value))
    }

    /// The item of a name. If AS gives the name to two different items, the name is refused. If two different paths end
    /// in it, it names none of them.
    fn item(&self, name: &Identifier) -> Result<Option<&NamedItem<'a>>, PartiqlError> {
        for is_given in [true, false] {
            let mut found = self.0.iter().filter(|item| item.is_given == is_given && item.name == name.name);
            let Some(first) = found.next() else { continue };
            if found.all(|item| item.value == first.value) {
                return Ok(Some(first));
            }
            if is_given {
                return Err(PartiqlError::refused(
                    name.position,
                    format_args!("Two items of the select list have the name '{}'", name.name),
                ));
            }
        }
        Ok(None)
    }
}
