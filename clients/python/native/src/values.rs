//! Python values as Ion, and Ion as plain Python values.
//!
//! A value of amazon.ion keeps all that Ion has, because amazon.ion itself writes it. The module `everstrand` documents what plain
//! Python loses of an Ion value.

use everstrand::ion::{
    Data, Decimal, Document, Int, MAX_DEPTH, Precision, Struct, Symbol, Timestamp, TimestampFields, Value,
    text,
};
use num_bigint::BigInt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// The classes of Python's library that values have.
struct Classes {
    decimal: Py<PyAny>,
    datetime: Py<PyAny>,
    date: Py<PyAny>,
    timezone: Py<PyAny>,
    timedelta: Py<PyAny>,
    timestamp: Py<PyAny>,
}

fn classes(py: Python<'_>) -> PyResult<&'static Classes> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || {
        let of = |module: &str, name: &str| Ok::<_, PyErr>(py.import(module)?.getattr(name)?.unbind());
        Ok(Classes {
            decimal: of("decimal", "Decimal")?,
            datetime: of("datetime", "datetime")?,
            date: of("datetime", "date")?,
            timezone: of("datetime", "timezone")?,
            timedelta: of("datetime", "timedelta")?,
            timestamp: of("everstrand.values", "Timestamp")?,
        })
    })
}

fn wrong(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A parameter.
pub(crate) fn document_of(value: &Bound<'_, PyAny>) -> PyResult<Document> {
    if is_of_amazon_ion(value) { by_amazon_ion(value) } else { Ok(Document::from(&to_ion(value, 0)?)) }
}

/// A value in binary Ion, and its Ion hash.
#[pyfunction]
pub(crate) fn encode<'py>(
    py: Python<'py>,
    value: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let document = document_of(value)?;
    Ok((PyBytes::new(py, document.as_bytes()), PyBytes::new(py, &document.ion_hash())))
}

fn is_of_amazon_ion(value: &Bound<'_, PyAny>) -> bool {
    let is_builtin = value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyDict>()
        || value.is_exact_instance_of::<PyInt>();
    !is_builtin && value.hasattr(intern!(value.py(), "ion_annotations")).unwrap_or(false)
}

fn by_amazon_ion(value: &Bound<'_, PyAny>) -> PyResult<Document> {
    let dumps = value.py().import("amazon.ion.simpleion")?.getattr("dumps")?;
    let binary = dumps.call1((value,))?.cast_into::<PyBytes>()?;
    Document::from_binary(binary.as_bytes()).map_err(wrong)
}

fn to_ion(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > MAX_DEPTH {
        return Err(PyValueError::new_err(format!("a value may be nested {MAX_DEPTH} levels deep at most")));
    }
    if is_of_amazon_ion(value) {
        return Ok(by_amazon_ion(value)?.to_value());
    }
    if value.is_none() {
        return Ok(Value::null());
    }
    let classes = classes(value.py())?;
    let is = |class: &Py<PyAny>| value.is_instance(class.bind(value.py()));
    let data = if let Ok(value) = value.cast::<PyBool>() {
        Data::Bool(value.is_true())
    } else if let Ok(value) = value.cast::<PyInt>() {
        Data::Int(int_to_ion(value)?)
    } else if let Ok(value) = value.cast::<PyFloat>() {
        Data::Float(value.value())
    } else if is(&classes.timestamp)? {
        timestamp_of_text(value.cast::<PyString>()?.to_str()?)?
    } else if let Ok(value) = value.cast::<PyString>() {
        Data::String(value.to_str()?.to_owned())
    } else if let Ok(value) = value.cast::<PyBytes>() {
        Data::Blob(value.as_bytes().to_vec())
    } else if let Ok(value) = value.cast::<PyByteArray>() {
        Data::Blob(value.to_vec())
    } else if let Ok(value) = value.cast::<PyDict>() {
        Data::Struct(struct_to_ion(value, depth)?)
    } else if let Ok(value) = value.cast::<PyList>() {
        Data::List(value.iter().map(|item| to_ion(&item, depth + 1)).collect::<PyResult<_>>()?)
    } else if let Ok(value) = value.cast::<PyTuple>() {
        Data::List(value.iter().map(|item| to_ion(&item, depth + 1)).collect::<PyResult<_>>()?)
    } else if is(&classes.decimal)? {
        Data::Decimal(decimal_to_ion(value)?)
    } else if is(&classes.datetime)? {
        Data::Timestamp(datetime_to_ion(value)?)
    } else if is(&classes.date)? {
        let (year, month, day) = (field(value, "year")?, field(value, "month")?, field(value, "day")?);
        let fields = TimestampFields { year, month, day, ..TimestampFields::default() };
        Data::Timestamp(Timestamp::from_local(fields, Precision::Day, None).map_err(wrong)?)
    } else {
        return Err(PyTypeError::new_err(format!("a value of type {} has no form in Ion", value.get_type())));
    };
    Ok(Value::new(data))
}

fn struct_to_ion(value: &Bound<'_, PyDict>, depth: usize) -> PyResult<Struct> {
    let mut fields = Vec::with_capacity(value.len());
    for (name, value) in value.iter() {
        let Ok(name) = name.cast::<PyString>() else {
            return Err(PyTypeError::new_err(format!(
                "the name of a field is a str, not {}",
                name.get_type()
            )));
        };
        fields.push((Symbol::new(name.to_str()?), to_ion(&value, depth + 1)?));
    }
    Ok(Struct::new(fields))
}

fn int_to_ion(value: &Bound<'_, PyInt>) -> PyResult<Int> {
    if let Ok(small) = value.extract::<i64>() {
        return Ok(Int::from(small));
    }
    // In base 16 Python bounds no length.
    let digits = value.call_method1(intern!(value.py(), "__format__"), ("x",))?.extract::<String>()?;
    let big = BigInt::parse_bytes(digits.as_bytes(), 16).ok_or_else(|| wrong("not an integer"))?;
    Ok(Int::from(big))
}

fn decimal_to_ion(value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    let parts = value.call_method0(intern!(value.py(), "as_tuple"))?;
    let parts = parts.extract::<(u8, Vec<u8>, Bound<'_, PyAny>)>()?;
    let Ok(exponent) = parts.2.extract::<i32>() else {
        return Err(PyValueError::new_err("Ion has no decimal that is infinite or not a number"));
    };
    let digits: String = parts.1.iter().map(|digit| char::from(b'0' + digit)).collect();
    let sign = if parts.0 == 1 { "-" } else { "" };
    format!("{sign}{digits}d{exponent}").parse().map_err(wrong)
}

fn field<'py, T: FromPyObjectOwned<'py>>(value: &Bound<'py, PyAny>, name: &str) -> PyResult<T> {
    value.getattr(name)?.extract().map_err(Into::into)
}

fn datetime_to_ion(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let fields = TimestampFields {
        year: field(value, "year")?,
        month: field(value, "month")?,
        day: field(value, "day")?,
        hour: field(value, "hour")?,
        minute: field(value, "minute")?,
        second: field(value, "second")?,
        fraction: field(value, "microsecond")?,
    };
    let offset = value.call_method0(intern!(value.py(), "utcoffset"))?;
    let offset = if offset.is_none() {
        None
    } else {
        let (days, seconds): (i32, i32) = (field(&offset, "days")?, field(&offset, "seconds")?);
        let seconds = days * 86_400 + seconds;
        if seconds % 60 != 0 || field::<i32>(&offset, "microseconds")? != 0 {
            return Err(PyValueError::new_err("an offset in Ion has whole minutes"));
        }
        Some(i16::try_from(seconds / 60).map_err(wrong)?)
    };
    Timestamp::from_local(fields, Precision::Second(6), offset).map_err(wrong)
}

fn timestamp_of_text(written: &str) -> PyResult<Data> {
    match text::read_one(written).map_err(wrong)?.as_timestamp() {
        Some(timestamp) => Ok(Data::Timestamp(timestamp.clone())),
        None => Err(PyValueError::new_err(format!("{written:?} is not an Ion timestamp"))),
    }
}

/// A value in plain Python.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match &value.data {
        Data::Null(_) => py.None().into_bound(py),
        Data::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Data::Int(value) => int_to_python(py, value)?,
        Data::Float(value) => PyFloat::new(py, *value).into_any(),
        Data::Decimal(value) => {
            let written = value.to_string().replace('d', "E");
            classes(py)?.decimal.bind(py).call1((written,))?
        }
        Data::Timestamp(timestamp) => timestamp_to_python(py, timestamp, value)?,
        Data::Symbol(symbol) => match symbol.text() {
            Some(text) => PyString::new(py, text).into_any(),
            None => py.None().into_bound(py),
        },
        Data::String(text) => PyString::new(py, text).into_any(),
        Data::Clob(bytes) | Data::Blob(bytes) => PyBytes::new(py, bytes).into_any(),
        Data::List(items) | Data::Sexp(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Data::Struct(fields) => {
            let dictionary = PyDict::new(py);
            for (name, value) in fields.iter() {
                dictionary.set_item(name.text().unwrap_or("$0"), to_python(py, value)?)?;
            }
            dictionary.into_any()
        }
    })
}

fn int_to_python<'py>(py: Python<'py>, value: &Int) -> PyResult<Bound<'py, PyAny>> {
    match value.as_i64() {
        Some(small) => Ok(small.into_pyobject(py)?.into_any()),
        None => py.get_type::<PyInt>().call1((format!("{:x}", value.to_bigint()), 16)),
    }
}

fn timestamp_to_python<'py>(
    py: Python<'py>,
    timestamp: &Timestamp,
    value: &Value,
) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes(py)?;
    let (year, month, day) = (timestamp.year(), timestamp.month(), timestamp.day());
    let digits = match timestamp.precision() {
        Precision::Day => return classes.date.bind(py).call1((year, month, day)),
        Precision::Minute => 0,
        Precision::Second(digits) if digits <= 6 => digits,
        _ => {
            let bare = Value::new(value.data.clone());
            return classes.timestamp.bind(py).call1((bare.to_string(),));
        }
    };
    let microseconds = timestamp.fraction() * 10_u64.pow(6 - u32::from(digits));
    let zone = match timestamp.offset() {
        None => py.None().into_bound(py),
        Some(0) => classes.timezone.bind(py).getattr(intern!(py, "utc"))?,
        Some(minutes) => {
            let offset = classes.timedelta.bind(py).call1((0, i32::from(minutes) * 60))?;
            classes.timezone.bind(py).call1((offset,))?
        }
    };
    let (hour, minute, second) = (timestamp.hour(), timestamp.minute(), timestamp.second());
    classes.datetime.bind(py).call1((year, month, day, hour, minute, second, microseconds, zone))
}
