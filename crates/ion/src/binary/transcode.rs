//! Brings a value into canonical form without making a tree of it. A server does this with every document that a client
//! sends.

use crate::binary::encoder::Encoder;

use crate::binary::header::{Header, WRAPPER, type_of};
use crate::binary::primitives::{
    magnitude_u64, read_decimal, read_float, read_magnitude, read_text, read_timestamp, read_var_uint,
    write_decimal, write_float, write_timestamp,
};
use crate::binary::reader::{Reader, check_depth};
use crate::error::IonError;
use crate::value::IonType;

impl Reader<'_> {
    /// Writes the value at `at`, which must not be padding. Returns its end.
    pub(super) fn transcode<'s>(&'s self, at: usize, encoder: &mut Encoder<'s>) -> Result<usize, IonError> {
        let mut end = at;
        let header = self.header(&mut end, self.bytes().len())?;
        Transcoder { reader: self, encoder }.value(header, at, 0)?;
        Ok(header.end)
    }
}

struct Transcoder<'e, 's> {
    reader: &'s Reader<'s>,
    encoder: &'e mut Encoder<'s>,
}

impl Transcoder<'_, '_> {
    fn value(&mut self, header: Header, start: usize, depth: usize) -> Result<(), IonError> {
        if header.code() != WRAPPER {
            return self.unannotated(header, start, depth);
        }
        let wrapper = self.reader.wrapper(header, start)?;
        let mark = self.encoder.begin();
        let mut texts = Vec::new();
        let mut at = wrapper.ids_start;
        while at < wrapper.ids_end {
            let id_at = at;
            let id = read_var_uint(&self.reader.bytes()[..wrapper.ids_end], &mut at);
            texts.push(self.reader.text_of(id, id_at)?);
        }
        self.encoder.annotations(texts);
        self.unannotated(wrapper.value, wrapper.ids_end, depth)?;
        self.encoder.end_as(mark, WRAPPER);
        Ok(())
    }

    fn unannotated(&mut self, header: Header, start: usize, depth: usize) -> Result<(), IonError> {
        let at_start = |reason| IonError::new(reason, start);
        let ion_type =
            type_of(header.code()).ok_or_else(|| at_start("a type descriptor is not allowed here"))?;
        if header.low() == 15 {
            self.encoder.null(ion_type);
            return Ok(());
        }
        let payload = &self.reader.bytes()[header.start..header.end];
        match ion_type {
            IonType::Null => return Err(at_start("a type descriptor is not allowed here")),
            IonType::Bool => self.encoder.bool(header.low() == 1),
            IonType::Int => {
                let magnitude = read_magnitude(header.code() == 3, payload).map_err(at_start)?;
                self.encoder.bytes(header.code(), magnitude);
            }
            IonType::Float => {
                let value = read_float(payload).map_err(at_start)?;
                self.encoder.scalar(ion_type, |out| write_float(value, out));
            }
            IonType::Decimal => {
                let value = read_decimal(payload).map_err(at_start)?;
                self.encoder.scalar(ion_type, |out| write_decimal(&value, out));
            }
            IonType::Timestamp => {
                let value = read_timestamp(payload).map_err(at_start)?;
                self.encoder.scalar(ion_type, |out| write_timestamp(&value, out));
            }
            IonType::Symbol => {
                self.encoder.symbol(self.reader.text_of(magnitude_u64(payload), start)?);
            }
            IonType::String => self.encoder.text(read_text(payload).map_err(at_start)?),
            IonType::Clob | IonType::Blob => self.encoder.bytes(header.code(), payload),
            IonType::List | IonType::Sexp | IonType::Struct => {
                check_depth(depth, start)?;
                let mark = self.encoder.begin();
                self.inside(header, ion_type, depth + 1)?;
                self.encoder.end(mark, ion_type);
            }
        }
        Ok(())
    }

    fn inside(&mut self, container: Header, ion_type: IonType, depth: usize) -> Result<(), IonError> {
        let mut at = container.start;
        while at < container.end {
            let name_at = at;
            let id = match ion_type {
                IonType::Struct => read_var_uint(&self.reader.bytes()[..container.end], &mut at),
                _ => None,
            };
            let start = at;
            let header = self.reader.header(&mut at, container.end)?;
            at = header.end;
            if header.is_padding() {
                continue;
            }
            if ion_type == IonType::Struct {
                self.encoder.name_or_unknown(self.reader.text_of(id, name_at)?);
            }
            self.value(header, start, depth)?;
        }
        Ok(())
    }
}
