package conformance

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/amzn/ion-go/ion"
)

// value is any Ion value, as text. The driver's library writes it as a parameter.
type value string

func (v value) MarshalIon(writer ion.Writer) error {
	reader := ion.NewReaderString(string(v))
	if !reader.Next() {
		return fmt.Errorf("%s is no value: %w", string(v), reader.Err())
	}
	return write(reader, writer)
}

// write copies the value that the reader stands on.
func write(reader ion.Reader, writer ion.Writer) error {
	annotations, err := reader.Annotations()
	if err != nil {
		return err
	}
	for _, annotation := range annotations {
		if err := writer.Annotation(ion.NewSymbolTokenFromString(*annotation.Text)); err != nil {
			return err
		}
	}
	if reader.IsNull() {
		return writer.WriteNullType(reader.Type())
	}
	switch reader.Type() {
	case ion.BoolType:
		value, err := reader.BoolValue()
		return firstOf(err, func() error { return writer.WriteBool(*value) })
	case ion.IntType:
		value, err := reader.BigIntValue()
		return firstOf(err, func() error { return writer.WriteBigInt(value) })
	case ion.FloatType:
		value, err := reader.FloatValue()
		return firstOf(err, func() error { return writer.WriteFloat(*value) })
	case ion.DecimalType:
		value, err := reader.DecimalValue()
		return firstOf(err, func() error { return writer.WriteDecimal(value) })
	case ion.TimestampType:
		value, err := reader.TimestampValue()
		return firstOf(err, func() error { return writer.WriteTimestamp(*value) })
	case ion.StringType:
		value, err := reader.StringValue()
		return firstOf(err, func() error { return writer.WriteString(*value) })
	case ion.SymbolType:
		value, err := reader.SymbolValue()
		return firstOf(err, func() error { return writer.WriteSymbolFromString(*value.Text) })
	case ion.ClobType:
		value, err := reader.ByteValue()
		return firstOf(err, func() error { return writer.WriteClob(value) })
	case ion.BlobType:
		value, err := reader.ByteValue()
		return firstOf(err, func() error { return writer.WriteBlob(value) })
	case ion.ListType:
		return inside(reader, writer, writer.BeginList, writer.EndList)
	case ion.SexpType:
		return inside(reader, writer, writer.BeginSexp, writer.EndSexp)
	default:
		return inside(reader, writer, writer.BeginStruct, writer.EndStruct)
	}
}

func firstOf(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func inside(reader ion.Reader, writer ion.Writer, begin, end func() error) error {
	if err := firstOf(begin(), reader.StepIn); err != nil {
		return err
	}
	for reader.Next() {
		name, err := reader.FieldName()
		if err != nil {
			return err
		}
		if reader.IsInStruct() {
			if err := writer.FieldName(ion.NewSymbolTokenFromString(*name.Text)); err != nil {
				return err
			}
		}
		if err := write(reader, writer); err != nil {
			return err
		}
	}
	if err := firstOf(reader.Err(), reader.StepOut); err != nil {
		return err
	}
	return end()
}

// values are the values of conformance/vectors/values.ion, as Ion text.
func values(t *testing.T) []string {
	file, err := os.ReadFile("../vectors/values.ion")
	ok(t, err)
	texts := []string{}
	for reader := ion.NewReaderBytes(file); reader.Next(); {
		var text strings.Builder
		writer := ion.NewTextWriterOpts(&text, ion.TextWriterQuietFinish)
		ok(t, write(reader, writer))
		ok(t, writer.Finish())
		texts = append(texts, text.String())
	}
	if len(texts) < 50 {
		t.Fatal("only ", len(texts), " values")
	}
	return texts
}

// A value is what it was after it was a parameter and a result, and `=` and `IS NULL` know it.
func TestAnyIonValueSurvivesAndIsFound(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoValue")
	for number, text := range values(t) {
		rows(t, driver, "INSERT INTO GoValue VALUE {'n': ?, 'v': ?}", number, value(text))
		same(t, text, rows(t, driver, "SELECT VALUE g.v FROM GoValue AS g WHERE g.n = ?", number))
		found := "SELECT VALUE g.n FROM GoValue AS g WHERE g.n = ? AND "
		if strings.HasPrefix(text, "null") {
			same(t, fmt.Sprint(number), rows(t, driver, found+"g.v IS NULL", number))
		} else {
			same(t, fmt.Sprint(number), rows(t, driver, found+"g.v = ?", number, value(text)))
			same(t, "", rows(t, driver, found+"g.v IS NULL", number))
		}
	}
	rows(t, driver, "INSERT INTO GoValue VALUE {'n': 'annotated', 'v': ?}", value("a::null"))
	same(t, "a::null.null", rows(t, driver, "SELECT VALUE g.v FROM GoValue AS g WHERE g.n = 'annotated' AND g.v IS NULL"))
}
