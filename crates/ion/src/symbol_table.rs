//! The symbols that a stream has defined so far: first the system symbols, then imported and local ones.
//!
//! This crate has no shared symbol tables. Therefore an import defines a range of ids whose texts are unknown. A range
//! takes a few bytes, however many ids it claims.

use crate::error::IonError;
use crate::symbol::{FIRST_LOCAL_ID, Symbol, system_symbol};
use crate::value::{Data, Struct, Value};

/// The symbols by their ids, as they are at one place of a stream.
#[derive(Clone, Debug)]
pub(crate) struct SymbolTable {
    segments: Vec<Segment>,
    /// The first id that is not defined.
    next: u64,
}

#[derive(Clone, Debug)]
struct Segment {
    first: u64,
    symbols: Symbols,
}

#[derive(Clone, Debug)]
enum Symbols {
    Imported,
    Local(Vec<Symbol>),
}

impl SymbolTable {
    /// The table after a version marker: the system symbols.
    pub(crate) fn system() -> SymbolTable {
        SymbolTable { segments: Vec::new(), next: FIRST_LOCAL_ID }
    }

    /// The symbol with this id; `None` if the id is not defined.
    pub(crate) fn get(&self, id: u64) -> Option<Symbol> {
        match self.local(id) {
            Some(symbol) => Some(symbol.clone()),
            None => self.text(id).map(|text| text.map_or(Symbol::UNKNOWN, Symbol::from)),
        }
    }

    /// The text of this id: `Some(None)` if it is unknown, `None` if the id is not defined.
    pub(crate) fn text(&self, id: u64) -> Option<Option<&str>> {
        if id < FIRST_LOCAL_ID {
            return Some(system_symbol(id));
        }
        (id < self.next).then(|| self.local(id).and_then(Symbol::text))
    }

    /// The symbol with this id, if the stream has defined it itself.
    fn local(&self, id: u64) -> Option<&Symbol> {
        let before = self.segments.partition_point(|segment| segment.first <= id).checked_sub(1)?;
        let segment = &self.segments[before];
        match &segment.symbols {
            Symbols::Imported => None,
            Symbols::Local(symbols) => symbols.get(usize::try_from(id - segment.first).ok()?),
        }
    }

    /// Whether a top-level value is a symbol table, and not data.
    pub(crate) fn is_definition(value: &Value) -> bool {
        matches!(value.data, Data::Struct(_))
            && value.annotations().first().is_some_and(|first| *first == *"$ion_symbol_table")
    }

    /// Reads a local symbol table, which replaces or extends the current one. Returns whether it extends it. `offset` is
    /// the place of the table, for errors.
    pub(crate) fn define(&mut self, table: &Struct, offset: usize) -> Result<bool, IonError> {
        let imports = only_field(table, "imports", offset)?;
        let symbols = only_field(table, "symbols", offset)?;
        let appends = imports.is_some_and(
            |imports| matches!(&imports.data, Data::Symbol(symbol) if *symbol == *"$ion_symbol_table"),
        );
        if !appends {
            *self = SymbolTable::system();
        }
        if let Some(Value { data: Data::List(imports), .. }) = imports {
            for import in imports {
                if let Data::Struct(import) = &import.data {
                    self.import(import, offset)?;
                }
            }
        }
        if let Some(Value { data: Data::List(symbols), .. }) = symbols {
            for symbol in symbols {
                // An element that is not a string takes an id, and has no text.
                self.push(match &symbol.data {
                    Data::String(text) => Symbol::from(text.as_str()),
                    _ => Symbol::UNKNOWN,
                });
            }
        }
        Ok(appends)
    }

    /// Replaces the table by the system symbols and these, as a local symbol table without imports does.
    pub(crate) fn replace(&mut self, symbols: impl Iterator<Item = Symbol>) {
        *self = SymbolTable::system();
        symbols.for_each(|symbol| self.push(symbol));
    }

    fn import(&mut self, import: &Struct, offset: usize) -> Result<(), IonError> {
        match import.get("name").map(|name| &name.data) {
            Some(Data::String(name)) if !name.is_empty() && name != "$ion" => {}
            // By the specification, an import without a usable name is ignored.
            _ => return Ok(()),
        }
        let count = match import.get("max_id").map(|max_id| &max_id.data) {
            Some(Data::Int(max_id)) => max_id.as_u64(),
            _ => None,
        };
        let Some(count) = count else {
            return Err(IonError::new(
                "an imported symbol table that is not at hand needs a max_id of 0 or more",
                offset,
            ));
        };
        let next = self.next.checked_add(count).filter(|next| i64::try_from(*next).is_ok());
        let Some(next) = next else {
            return Err(IonError::new("imported symbol tables have more than 2^63 symbols", offset));
        };
        if count > 0 {
            self.segments.push(Segment { first: self.next, symbols: Symbols::Imported });
            self.next = next;
        }
        Ok(())
    }

    fn push(&mut self, symbol: Symbol) {
        if let Some(Segment { symbols: Symbols::Local(symbols), .. }) = self.segments.last_mut() {
            symbols.push(symbol);
        } else {
            self.segments.push(Segment { first: self.next, symbols: Symbols::Local(vec![symbol]) });
        }
        self.next += 1;
    }
}

fn only_field<'a>(table: &'a Struct, name: &str, offset: usize) -> Result<Option<&'a Value>, IonError> {
    let mut fields = table.iter().filter(|(field, _)| *field == *name).map(|(_, value)| value);
    let first = fields.next();
    if fields.next().is_some() {
        return Err(IonError::new(format!("a symbol table has more than one field {name}"), offset));
    }
    Ok(first)
}
