//! Chooses how the rows of a table are reached: by document id, by an index, or by reading all of them.
//!
//! P1 to P8: a condition can be looked up if one side is the id or an indexed path of this source, and the other
//! side can be computed before the rows are read. The executor still checks the condition on each row.

use std::ops::Range;
use std::sync::Arc;

use super::index_union::{are_lookups, union};
use super::shape::slot_path;
use crate::expression::{BinaryOperator, Type};
use crate::plan::{
    AccessPlan, Expression, IndexAccess, IndexEnd, KeyOrder, KeyRangePlan, Keys, Scan, SortTerm, SourceSlots,
};
use crate::tables::{Index, Source, SourceKind};

/// The lookups for which an index may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookups {
    /// All lookups that the order of an index allows.
    All,
    /// `=` and IN on one field. QLDB had no others, and a transaction is to read what it read there.
    Equalities,
}

/// The best access to the rows of a source for which all conditions are TRUE. `own` are the slots that the source
/// fills.
pub(super) fn choose(
    source: &Source,
    slots: SourceSlots,
    own: &Range<usize>,
    conditions: &[&Expression],
    lookups: Lookups,
) -> AccessPlan {
    let known = conditions.iter().filter(|condition| lookups == Lookups::All || is_equality(condition));
    let bounds: Vec<Bound> = known.filter_map(|condition| bound(source, slots, own, condition)).collect();
    // An id finds one document, which no index can do better.
    let ids = bounds.iter().filter(|bound| bound.place == Place::Id);
    if let Some(ids) = ids.filter_map(|bound| bound.keys()).min_by_key(|keys| weight(keys)) {
        return AccessPlan::Documents(ids.clone());
    }
    let usable = source.indexes.iter().filter(|index| lookups == Lookups::All || is_plain(index));
    let candidates = usable.filter_map(|index| by_index(index, &bounds));
    let best = candidates.min_by_key(|(cost, _)| *cost).map(|(_, access)| access);
    match best {
        Some(access) if !access.equal.is_empty() => AccessPlan::Index(Box::new(access)),
        // A range may be long, so that lookups for the operands of an OR are better.
        best => match union(source, slots, own, conditions, lookups) {
            Some(accesses) if best.is_none() || are_lookups(&accesses) => AccessPlan::Union(accesses),
            _ => best.map_or(AccessPlan::Scan, |access| AccessPlan::Index(Box::new(access))),
        },
    }
}

/// Makes an access yield its rows in this order, and answers whether it can. It finds the same rows.
pub(super) fn ordered(access: &mut AccessPlan, source: &Source, slots: SourceSlots, term: &SortTerm) -> bool {
    let Some(Place::Path(path)) = place(source, slots, &term.value) else { return false };
    let order = Some(KeyOrder { descending: term.descending, nulls_first: term.nulls_first });
    match access {
        AccessPlan::Index(index) => {
            let next = index.index.paths.get(index.equal.len());
            let is_served = next.is_some_and(|next| is_path(next, &path))
                && index.equal.iter().all(|keys| matches!(keys, Keys::One(_)));
            if is_served {
                index.order = order;
            }
            is_served
        }
        AccessPlan::Scan => {
            let Some(index) = source.indexes.iter().find(|index| is_path(&index.paths[0], &path)) else {
                return false;
            };
            *access = AccessPlan::Index(Box::new(IndexAccess {
                index: index.clone(),
                equal: Vec::new(),
                range: KeyRangePlan::All,
                order,
            }));
            true
        }
        AccessPlan::Documents(_) | AccessPlan::Union(_) => false,
    }
}

/// Where an index has the least or the greatest value of a path among the rows of a scan whose access serves all
/// conditions.
pub(super) fn end(scan: &Scan, value: &Expression, greatest: bool) -> Option<IndexEnd> {
    let (mut access, path) = known(keys_of(scan, value)?);
    access.order = Some(KeyOrder { descending: greatest, nulls_first: false });
    let path = path.iter().map(|name| (**name).to_owned()).collect();
    Some(IndexEnd { access: AccessPlan::Index(Box::new(access)), path })
}

/// The keys that an index has for the known values of a path among the rows of a scan whose access serves all
/// conditions. With `whole` the path is the last of the index, so that equal keys mean equal values.
pub(super) fn keys_of_values(scan: &Scan, value: &Expression, whole: bool) -> Option<AccessPlan> {
    let (access, _) = known(keys_of(scan, value)?);
    let is_last = access.index.paths.len() == access.equal.len() + 1;
    ((is_last || !whole) && access.range != KeyRangePlan::Unknown)
        .then(|| AccessPlan::Index(Box::new(access)))
}

/// The keys that an index has for all values of a path, the last of the index, among the rows of a scan whose access
/// serves all conditions. They come in the order in which the rows came, if that was an order. Of equal keys the first
/// row comes first.
pub(super) fn keys_of_path(scan: &Scan, value: &Expression) -> Option<AccessPlan> {
    let (access, _) = keys_of(scan, value)?;
    let order = match &scan.access {
        AccessPlan::Index(before) => before.order,
        _ => None,
    };
    (access.index.paths.len() == access.equal.len() + 1 && !order.is_some_and(|order| order.descending))
        .then(|| AccessPlan::Index(Box::new(IndexAccess { order, ..access })))
}

/// The same without NULL and MISSING, which aggregates pass over.
fn known<T>((mut access, path): (IndexAccess, T)) -> (IndexAccess, T) {
    if matches!(access.range, KeyRangePlan::All) {
        access.range = KeyRangePlan::Known;
    }
    (access, path)
}

/// The access to the values of a path by an index, and the path.
fn keys_of(scan: &Scan, value: &Expression) -> Option<(IndexAccess, Vec<Arc<str>>)> {
    let Some(Place::Path(path)) = place(&scan.source, scan.slots, value) else { return None };
    let access = match &scan.access {
        AccessPlan::Scan => {
            // An index on this path alone has the fewest different keys.
            let indexes = scan.source.indexes.iter().filter(|index| is_path(&index.paths[0], &path));
            let index = indexes.min_by_key(|index| index.paths.len())?.clone();
            IndexAccess { index, equal: Vec::new(), range: KeyRangePlan::All, order: None }
        }
        AccessPlan::Index(access) => IndexAccess { order: None, ..(**access).clone() },
        AccessPlan::Documents(_) | AccessPlan::Union(_) => return None,
    };
    let next = access.index.paths.get(access.equal.len());
    let is_one_part = access.equal.iter().all(|keys| matches!(keys, Keys::One(_)));
    (is_one_part && next.is_some_and(|next| is_path(next, &path))).then_some((access, path))
}

/// Whether QLDB used an index for a condition of this form.
fn is_equality(condition: &Expression) -> bool {
    matches!(
        condition,
        Expression::Binary { operator: BinaryOperator::Equal, .. } | Expression::In { negated: false, .. }
    )
}

/// Whether QLDB had indexes of this form.
fn is_plain(index: &Index) -> bool {
    matches!(&index.paths[..], [path] if path.len() == 1)
}

/// Whether a scan finds exactly the rows for which all these conditions are TRUE, provided that its keys are exact.
/// That is so if the access looks up the path of each condition, and no two conditions bound the same side of a path.
pub(super) fn serves(scan: &Scan, conditions: &[Expression]) -> bool {
    let AccessPlan::Index(access) = &scan.access else {
        return conditions.is_empty() && matches!(scan.access, AccessPlan::Scan);
    };
    let slots = scan.slots;
    let last = [Some(slots.value), slots.at, slots.by].into_iter().flatten().max();
    let own = slots.value..last.map_or(slots.value, |last| last + 1);
    let mut bounded = Vec::new();
    conditions.iter().all(|condition| {
        let Some(Bound { place: Place::Path(path), kind }) = bound(&scan.source, slots, &own, condition)
        else {
            return false;
        };
        let part = access.index.paths.iter().position(|indexed| is_path(indexed, &path));
        let sides: &[Side] = match (&kind, part) {
            (BoundKind::Equal(_), Some(part)) if part < access.equal.len() => &[Side::Lower, Side::Upper],
            (_, Some(part)) if part != access.equal.len() => return false,
            (BoundKind::Lower(..), Some(_)) => &[Side::Lower],
            (BoundKind::Upper(..), Some(_)) => &[Side::Upper],
            (BoundKind::Between(..), Some(_)) => &[Side::Lower, Side::Upper],
            // The keys of MISSING and NULL differ, but one range holds both.
            (BoundKind::Unknown, Some(_)) if matches!(condition, Expression::Is { of: Type::Null, .. }) => {
                &[Side::Lower, Side::Upper]
            }
            _ => return false,
        };
        sides.iter().all(|side| {
            let is_first = !bounded.contains(&(part, *side));
            bounded.push((part, *side));
            is_first
        })
    })
}

/// One end of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

/// What a condition says about one place in the rows of a source.
struct Bound {
    place: Place,
    kind: BoundKind,
}

/// A place in a row by which the row can be looked up.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The document id.
    Id,
    /// A path in the user's document.
    Path(Vec<Arc<str>>),
}

enum BoundKind {
    Equal(Keys),
    Lower(Expression, bool),
    Upper(Expression, bool),
    Between(Expression, Expression),
    Like(Expression, Option<Expression>),
    Unknown,
}

impl Bound {
    fn keys(&self) -> Option<&Keys> {
        match &self.kind {
            BoundKind::Equal(keys) => Some(keys),
            _ => None,
        }
    }
}

/// How many values the keys have, because fewer are better. The elements of a computed value count as the most.
fn weight(keys: &Keys) -> usize {
    match keys {
        Keys::One(_) => 0,
        Keys::AnyOf(items) => items.len(),
        Keys::Each(_) => usize::MAX,
    }
}

/// An access by this index, if the bounds allow one, and its cost: the access with the least cost is best.
fn by_index(index: &Index, bounds: &[Bound]) -> Option<((usize, usize, bool), IndexAccess)> {
    let mut equal = Vec::new();
    let mut several = 0;
    // Keys can be given for the first paths only; the first path without keys may still have a range.
    for path in &index.paths {
        let Some(keys) = at(bounds, path).filter_map(Bound::keys).min_by_key(|keys| weight(keys)) else {
            break;
        };
        several += usize::from(!matches!(keys, Keys::One(_)));
        equal.push(keys.clone());
    }
    let range = index.paths.get(equal.len()).map_or(KeyRangePlan::All, |path| range(at(bounds, path)));
    if equal.is_empty() && matches!(range, KeyRangePlan::All) {
        return None;
    }
    // One more path with equal keys is worth more than a range. A range is worth more than one key instead of several.
    let ranges = usize::from(!matches!(range, KeyRangePlan::All));
    let cost = (usize::MAX - (2 * equal.len() + ranges), several, !index.unique);
    Some((cost, IndexAccess { index: index.clone(), equal, range, order: None }))
}

/// The bounds of one indexed path.
fn at<'a>(bounds: &'a [Bound], path: &'a [String]) -> impl Iterator<Item = &'a Bound> {
    bounds.iter().filter(move |bound| matches!(&bound.place, Place::Path(at) if is_path(path, at)))
}

/// The range of one path that the bounds leave, apart from equalities.
fn range<'a>(bounds: impl Iterator<Item = &'a Bound>) -> KeyRangePlan {
    let mut lowest = None;
    let mut highest = None;
    for bound in bounds {
        match &bound.kind {
            BoundKind::Equal(_) => {}
            BoundKind::Unknown => return KeyRangePlan::Unknown,
            BoundKind::Like(pattern, escape) => {
                return KeyRangePlan::Like { pattern: pattern.clone(), escape: escape.clone() };
            }
            BoundKind::Lower(value, inclusive) => lowest = lowest.or(Some((value.clone(), *inclusive))),
            BoundKind::Upper(value, inclusive) => highest = highest.or(Some((value.clone(), *inclusive))),
            BoundKind::Between(low, high) => {
                lowest = lowest.or(Some((low.clone(), true)));
                highest = highest.or(Some((high.clone(), true)));
            }
        }
    }
    if lowest.is_none() && highest.is_none() {
        return KeyRangePlan::All;
    }
    KeyRangePlan::Between { lower: lowest, upper: highest }
}

/// What a condition says about a place in the source, if it can be looked up.
fn bound(source: &Source, slots: SourceSlots, own: &Range<usize>, condition: &Expression) -> Option<Bound> {
    let place = |expression: &Expression| place(source, slots, expression);
    let is_known = |expression: &Expression| !expression.reads(std::slice::from_ref(own));
    match condition {
        Expression::Binary { operator, left, right, .. } => {
            let (place, operator, value) = match (place(left), place(right)) {
                (Some(place), _) if is_known(right) => (place, *operator, right),
                (_, Some(place)) if is_known(left) => (place, mirrored(*operator), left),
                _ => return None,
            };
            let value = (**value).clone();
            let kind = match operator {
                BinaryOperator::Equal => BoundKind::Equal(Keys::One(value)),
                BinaryOperator::Less => BoundKind::Upper(value, false),
                BinaryOperator::LessOrEqual => BoundKind::Upper(value, true),
                BinaryOperator::Greater => BoundKind::Lower(value, false),
                BinaryOperator::GreaterOrEqual => BoundKind::Lower(value, true),
                _ => return None,
            };
            Some(Bound { place, kind })
        }
        Expression::In { value, collection, negated: false, .. } => {
            let place = place(value)?;
            if !is_known(collection) {
                return None;
            }
            let keys = match &**collection {
                Expression::List(items) | Expression::Bag(items) => Keys::AnyOf(items.clone()),
                collection => Keys::Each(collection.clone()),
            };
            Some(Bound { place, kind: BoundKind::Equal(keys) })
        }
        // `id = 1 OR id = 2` is `id IN (1, 2)`.
        Expression::Or(operands) => {
            let mut common = None;
            let mut items = Vec::new();
            for operand in operands {
                let Bound { place, kind: BoundKind::Equal(keys) } = bound(source, slots, own, operand)?
                else {
                    return None;
                };
                if common.get_or_insert_with(|| place.clone()) != &place {
                    return None;
                }
                match keys {
                    Keys::One(key) => items.push(key),
                    Keys::AnyOf(keys) => items.extend(keys),
                    Keys::Each(_) => return None,
                }
            }
            Some(Bound { place: common?, kind: BoundKind::Equal(Keys::AnyOf(items)) })
        }
        Expression::Between { value, low, high, negated: false, .. } => {
            let place = place(value)?;
            (is_known(low) && is_known(high))
                .then(|| Bound { place, kind: BoundKind::Between((**low).clone(), (**high).clone()) })
        }
        Expression::Like { value, pattern, escape, negated: false, .. } => {
            let place = place(value)?;
            let known = is_known(pattern) && escape.as_deref().is_none_or(is_known) && !is_open(pattern);
            known.then(|| Bound {
                place,
                kind: BoundKind::Like((**pattern).clone(), escape.as_deref().cloned()),
            })
        }
        Expression::Is { value, of: Type::Null | Type::Missing, negated: false } => {
            Some(Bound { place: place(value)?, kind: BoundKind::Unknown })
        }
        _ => None,
    }
}

/// The place that an expression reads. It is the id, through BY or the metadata, or a path in the user's document.
/// In the committed view the user's document lies below `data`. A history has no index.
pub(super) fn place(source: &Source, slots: SourceSlots, expression: &Expression) -> Option<Place> {
    let (slot, names) = slot_path(expression)?;
    if Some(slot) == slots.by {
        return (names.is_empty() && source.kind != SourceKind::UserTables).then_some(Place::Id);
    }
    if slot != slots.value || names.is_empty() {
        return None;
    }
    let names_are = |expected: &[&str]| names.iter().map(|name| &**name).eq(expected.iter().copied());
    match &source.kind {
        SourceKind::User => Some(Place::Path(names)),
        SourceKind::UserTables => None,
        SourceKind::Diff { .. } => names_are(&["documentId"]).then_some(Place::Id),
        SourceKind::Committed | SourceKind::History { .. } if names_are(&["metadata", "id"]) => {
            Some(Place::Id)
        }
        SourceKind::Committed if names.len() > 1 && *names[0] == *"data" => {
            Some(Place::Path(names[1..].to_vec()))
        }
        SourceKind::Committed | SourceKind::History { .. } => None,
    }
}

/// Whether a LIKE pattern begins with a wildcard, so that no index helps. A pattern that is no literal may.
fn is_open(pattern: &Expression) -> bool {
    matches!(pattern, Expression::Literal { value, .. }
        if value.as_text().is_some_and(|text| text.starts_with(['%', '_'])))
}

pub(super) fn is_path(indexed: &[String], path: &[Arc<str>]) -> bool {
    indexed.iter().map(String::as_str).eq(path.iter().map(|name| &**name))
}

/// The operator that means the same after its operands are exchanged.
fn mirrored(operator: BinaryOperator) -> BinaryOperator {
    match operator {
        BinaryOperator::Less => BinaryOperator::Greater,
        BinaryOperator::LessOrEqual => BinaryOperator::GreaterOrEqual,
        BinaryOperator::Greater => BinaryOperator::Less,
        BinaryOperator::GreaterOrEqual => BinaryOperator::LessOrEqual,
        other => other,
    }
}
