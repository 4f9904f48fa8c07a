// Evaluates statements with PartiQL's reference implementation: `java -cp 'LIBRARIES/*' Evaluate.java TABLES`.
//
// TABLES is a file with an Ion struct: a field for each table, whose value is a list. Each line of the standard input is an Ion string, a
// statement. Each line of the output is its value as Ion text, or a symbol with the annotation `error`.

import com.amazon.ion.IonContainer;
import com.amazon.ion.IonSequence;
import com.amazon.ion.IonString;
import com.amazon.ion.IonSystem;
import com.amazon.ion.IonValue;
import com.amazon.ion.system.IonSystemBuilder;
import com.amazon.ion.Timestamp;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import org.partiql.lang.CompilerPipeline;
import org.partiql.lang.eval.EvaluationSession;
import org.partiql.lang.eval.ExprValue;

class Evaluate {
    private static final IonSystem ION = IonSystemBuilder.standard().build();

    public static void main(String[] arguments) throws Exception {
        CompilerPipeline pipeline = CompilerPipeline.standard(ION);
        IonValue tables = ION.singleValue(Files.readString(Path.of(arguments[0])));
        ExprValue globals = pipeline.getValueFactory().newFromIonValue(tables);
        EvaluationSession session = EvaluationSession.Companion.builder()
            .globals(globals.getBindings())
            .now(Timestamp.valueOf("2020-01-01T00:00:00Z"))
            .build();
        BufferedReader statements = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = statements.readLine(); line != null; line = statements.readLine()) {
            answers.println(answer(pipeline, session, ((IonString) ION.singleValue(line)).stringValue()));
        }
        answers.flush();
    }

    private static String answer(CompilerPipeline pipeline, EvaluationSession session, String statement) {
        try {
            IonValue value = pipeline.compile(statement).eval(session).getIonValue().clone();
            // A row that is MISSING is NULL when it is returned, there as here; the newer version marks it.
            childrenOf((IonContainer) value).forEach(Evaluate::withoutMarks);
            value.clearTypeAnnotations();
            return value.toString();
        } catch (Throwable failure) {
            return "error::" + ION.newString(String.valueOf(failure.getMessage()).replaceAll("\\s+", " "));
        }
    }

    /** Everstrand answers bags as lists, and leaves MISSING out of lists. */
    private static IonValue withoutMarks(IonValue value) {
        if (value instanceof IonSequence) {
            ((IonSequence) value).removeIf(Evaluate::isMissing);
        }
        if (value instanceof IonContainer && !value.isNullValue()) {
            for (IonValue child : new ArrayList<>(childrenOf((IonContainer) value))) {
                withoutMarks(child);
            }
        }
        value.setTypeAnnotations(Arrays.stream(value.getTypeAnnotations()).filter(mark -> !isMark(mark)).toArray(String[]::new));
        return value;
    }

    private static ArrayList<IonValue> childrenOf(IonContainer container) {
        ArrayList<IonValue> children = new ArrayList<>();
        container.forEach(children::add);
        return children;
    }

    private static boolean isMark(String annotation) {
        return annotation.startsWith("$partiql_") || annotation.equals("$bag") || annotation.equals("$missing");
    }

    private static boolean isMissing(IonValue value) {
        return Arrays.asList(value.getTypeAnnotations()).stream().anyMatch(mark -> mark.endsWith("missing"));
    }
}
