//! The prompt on a terminal: editing, history, completion, colours.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use reedline::{
    ColumnarMenu, Emacs, FileBackedHistory, Highlighter, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, StyledText, ValidationResult,
    Validator, default_emacs_keybindings,
};

use super::completion::{KEYWORDS, NameCompleter, Names};
use super::script::Script;

/// How many statements the history keeps.
const HISTORY_MAX: usize = 10_000;
const MENU: &str = "names";

/// The editor, with the history of earlier shells.
pub(super) fn editor(names: &Names) -> Reedline {
    let menu = ColumnarMenu::default().with_name(MENU);
    let mut keys = default_emacs_keybindings();
    let complete = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(complete));
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_completer(Box::new(NameCompleter(Arc::clone(names))))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_highlighter(Box::new(Colours))
        .with_validator(Box::new(WholeStatements))
        .use_bracketed_paste(true);
    // A shell whose history cannot be kept is still a shell.
    match history_file().and_then(|file| FileBackedHistory::with_file(HISTORY_MAX, file).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// `$XDG_STATE_HOME/everstrand/history`. Statements may hold data, so only its owner may read the file.
fn history_file() -> Option<PathBuf> {
    let named = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    let folder = state.join("everstrand");
    std::fs::create_dir_all(&folder).ok()?;
    let file = folder.join("history");
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&file).ok()?;
    Some(file)
}

/// What stands before the cursor: the ledger, and what becomes of the next statement.
pub(super) struct LedgerPrompt {
    pub(super) ledger: String,
    pub(super) mark: String,
}

impl Prompt for LedgerPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.ledger)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Owned(format!(" {} ", self.mark))
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{:>1$} ", "->", self.ledger.chars().count() + 1 + self.mark.chars().count()))
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!(" (search: {}) ", search.term))
    }
}

/// Enter ends the input only where the last statement has its semicolon, or is a word of the shell.
struct WholeStatements;

impl Validator for WholeStatements {
    fn validate(&self, typed: &str) -> ValidationResult {
        let mut script = Script::default();
        typed.split('\n').for_each(|line| drop(script.push(line)));
        if script.is_empty() { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

struct Colours;

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let mut at = 0;
        while let Some(next) = line[at..].chars().next() {
            let rest = &line[at..];
            let while_part =
                |is_part: fn(char) -> bool| rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            let (length, style) = if rest.starts_with("--") {
                (rest.find('\n').unwrap_or(rest.len()), Style::new().fg(Color::DarkGray))
            } else if matches!(next, '\'' | '"' | '`') {
                let end = rest[1..].find(next).map_or(rest.len(), |end| end + 2);
                let colour = if next == '"' { Color::Cyan } else { Color::Green };
                (end, Style::new().fg(colour))
            } else if next.is_alphabetic() || next == '_' {
                let length = while_part(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$');
                let is_keyword = KEYWORDS.iter().any(|word| word.eq_ignore_ascii_case(&rest[..length]));
                (length, if is_keyword { Style::new().bold() } else { Style::new() })
            } else {
                (next.len_utf8(), Style::new())
            };
            styled.push((style, rest[..length].to_owned()));
            at += length;
        }
        styled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_ends_whole_statements_alone() {
        let is_whole = |text| matches!(WholeStatements.validate(text), ValidationResult::Complete);
        for text in ["SELECT 1;", "SELECT\n1;", "begin", "\\d Car", "", "-- nothing", "A; B;"] {
            assert!(is_whole(text), "{text}");
        }
        for text in ["SELECT 1", "A; B", "SELECT ';", "/* begun"] {
            assert!(!is_whole(text), "{text}");
        }
    }

    #[test]
    fn colours_leave_the_text_as_it_is() {
        for text in ["SELECT 'a''b' -- c\nFROM \"x\" WHERE ü = `{a:1}`;", "'open", "größe 日本", ""] {
            assert_eq!(Colours.highlight(text, 0).raw_string(), text);
        }
    }
}
