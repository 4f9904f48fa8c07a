#!/usr/bin/env bash
# ion-go 1.5.0: fields copied from a binary reader to a binary writer get other names.
#
# One would expect: writer.FieldName(token) with the token that reader.FieldName() returned writes the same name; the token has the text.
# What happens: the writer takes the number that the name had in the stream that is read, and writes it into a stream that numbers its names anew. The field has the name that got this number there,
#   or none, and the file cannot be read. Text as the source is fine, because its tokens have no number.
# Why it matters: copying, filtering or joining binary files, the first thing that one does with an export, renames fields without an error: owner becomes amount.
# Instead: writer.FieldName(ion.NewSymbolTokenFromString(*token.Text)).
# Source: ion/binarywriter.go: `if name.LocalSID != SymbolIDUnknown` comes before the text. The specification, docs/symbols.html: ids have meaning in their own stream only.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"bytes"
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

// Copies the first `count` fields of a struct of ints behind two new fields, and returns the names as they are read again.
func copied(source []byte, count int, byText bool) string {
	var out bytes.Buffer
	writer := ion.NewBinaryWriter(&out)
	reader := ion.NewReaderBytes(source)
	reader.Next()
	reader.StepIn()
	writer.BeginStruct()
	for _, name := range []string{"checked", "by"} {
		writer.FieldName(ion.NewSymbolTokenFromString(name))
		writer.WriteInt(0)
	}
	for ; count > 0 && reader.Next(); count-- {
		name, _ := reader.FieldName()
		value, _ := reader.Int64Value()
		if byText {
			writer.FieldName(ion.NewSymbolTokenFromString(*name.Text))
		} else {
			writer.FieldName(*name)
		}
		writer.WriteInt(*value)
	}
	writer.EndStruct()
	if err := writer.Finish(); err != nil {
		return err.Error()
	}
	names := ""
	reader = ion.NewReaderBytes(out.Bytes())
	reader.Next()
	reader.StepIn()
	for reader.Next() {
		name, _ := reader.FieldName()
		names += *name.Text + " "
	}
	if reader.Err() != nil {
		return names + "error"
	}
	return names
}

func main() {
	source, _ := ion.MarshalBinary(struct{ Id, Owner, Amount int }{1, 2, 3})
	for _, byText := range []bool{false, true} {
		fmt.Println(copied(source, 2, byText), "|", copied(source, 3, byText))
	}
}
END
expect "names of a struct of checked, by and a copy of Id and Owner; the same with Amount, too; by the token, then by its text" 'checked by checked by  | checked by checked by error
checked by Id Owner  | checked by Id Owner Amount ' "$(go_run)"
