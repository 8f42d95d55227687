//! A table of the file under reading: it hands out values, notes which keys were asked for and
//! collects the faults, so that one pass finds them all.
//!
//! What a value must look like is `value`'s; what a section holds is the business of its own module.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Problem};

/// Keys whose values no message shows.
const SECRET_KEYS: [&str; 6] =
    ["authorization_code", "password", "pull", "secret", "secret_access_key", "value"];
/// Longest piece of a file that a message shows, in characters.
const SHOWN_CHARS: usize = 64;

/// The file's text and where its lines begin.
pub(super) struct Source<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Source { text, line_starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The line, from 1, of a byte of the file.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    /// A plain value as it is written, or the kind of one that is not plain.
    fn shown(&self, value: &Spanned<DeValue<'_>>) -> String {
        match value.get_ref() {
            DeValue::Array(_) => "an array".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
            _ => {
                let written = self.text.get(value.span()).unwrap_or_default();
                let line = written.lines().next().unwrap_or_default();
                if line.chars().count() <= SHOWN_CHARS && line.len() == written.len() {
                    return line.to_owned();
                }
                line.chars().take(SHOWN_CHARS).chain(['…']).collect()
            }
        }
    }
}

/// What became of a key.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// Not written.
    Absent,
    /// Written and wrong; the fault is noted.
    Faulty,
    /// Written and right.
    Good(T),
}

impl<T> Found<T> {
    /// The value, `default` where none is written, `None` where it is wrong.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Found::Absent => Some(default),
            Found::Faulty => None,
            Found::Good(value) => Some(value),
        }
    }

    /// The value, the type's default where none is written, `None` where it is wrong.
    pub(super) fn or_default(self) -> Option<T>
    where
        T: Default,
    {
        self.or(T::default())
    }

    /// The value where it is written and right.
    pub(super) fn good(self) -> Option<T> {
        match self {
            Found::Absent | Found::Faulty => None,
            Found::Good(value) => Some(value),
        }
    }
}

/// One table of the file; without a table, every key is absent.
pub(super) struct Section<'a> {
    source: &'a Source<'a>,
    table: Option<&'a DeTable<'a>>,
    path: String,
    line: usize,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(source: &'a Source<'a>, table: &'a DeTable<'a>) -> Self {
        Section::new(source, Some(table), String::new(), 1)
    }

    fn new(
        source: &'a Source<'a>,
        table: Option<&'a DeTable<'a>>,
        path: String,
        line: usize,
    ) -> Self {
        Section { source, table, path, line, known: Vec::new(), faults: Vec::new() }
    }

    /// Dotted path of the section; empty for the whole file.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether the section is written.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// The value of `key` as `read` makes it.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Found<T> {
        let Some(value) = self.ask(key) else { return Found::Absent };
        match read(value.get_ref()) {
            Ok(value) => Found::Good(value),
            Err(problem) => {
                self.complain(key, problem);
                Found::Faulty
            }
        }
    }

    /// The value of `key`, or `default`; after a fault the value no longer matters.
    pub(super) fn or<T: Clone>(
        &mut self,
        key: &'static str,
        default: &T,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>,
    ) -> T {
        self.get(key, read).good().unwrap_or_else(|| default.clone())
    }

    /// The value of a key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<T> {
        let found = self.get(key, read);
        if matches!(found, Found::Absent) {
            self.complain(key, Problem::Missing);
        }
        found.good()
    }

    /// The entries of an array of plain values, each with its own fault.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Found<Vec<T>> {
        let Some(value) = self.ask(key) else { return Found::Absent };
        let DeValue::Array(array) = value.get_ref() else {
            self.complain(key, Problem::WrongKind { expected: "an array of strings" });
            return Found::Faulty;
        };
        let mut entries = Vec::with_capacity(array.len());
        for (index, entry) in array.iter().enumerate() {
            match read(entry.get_ref()) {
                Ok(read) => entries.push(read),
                Err(problem) => self.faults.push(Fault {
                    line: self.source.line(entry.span().start),
                    key: self.indexed(key, index),
                    value: Some(self.source.shown(entry)),
                    problem,
                }),
            }
        }
        if entries.len() == array.len() { Found::Good(entries) } else { Found::Faulty }
    }

    /// The section `[key]`, empty where it is not written.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        let path = self.path_of(key);
        let Some(value) = self.ask(key) else {
            return Section::new(self.source, None, path, self.line);
        };
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.complain_of_kind(path.clone(), value, "a table");
        }
        Section::new(self.source, table, path, self.source.line(value.span().start))
    }

    /// The sections `[[key]]` in the order they are written.
    pub(super) fn sections(&mut self, key: &'static str) -> Found<Vec<Section<'a>>> {
        let Some(value) = self.ask(key) else { return Found::Absent };
        let DeValue::Array(array) = value.get_ref() else {
            self.complain_of_kind(self.path_of(key), value, "an array of tables");
            return Found::Faulty;
        };
        let mut sections = Vec::with_capacity(array.len());
        for (index, entry) in array.iter().enumerate() {
            let path = self.indexed(key, index);
            let table = entry.get_ref().as_table();
            if table.is_none() {
                self.complain_of_kind(path.clone(), entry, "a table");
            }
            let line = self.source.line(entry.span().start);
            sections.push(Section::new(self.source, table, path, line));
        }
        Found::Good(sections)
    }

    /// Notes a fault of `key`, on its line where it is written, else on the section's.
    pub(super) fn complain(&mut self, key: &str, problem: Problem) {
        let value = self.table.and_then(|table| table.get(key));
        let shown = value.filter(|_| !SECRET_KEYS.contains(&key));
        self.faults.push(Fault {
            line: value.map_or(self.line, |value| self.source.line(value.span().start)),
            key: self.path_of(key),
            value: shown.map(|value| self.source.shown(value)),
            problem,
        });
    }

    /// Notes a fault of the section as a whole.
    pub(super) fn complain_of_all(&mut self, problem: Problem) {
        self.faults.push(Fault { line: self.line, key: self.path.clone(), value: None, problem });
    }

    /// Notes every key nobody asked for, and hands all faults over.
    pub(super) fn close(mut self, into: &mut Vec<Fault>) {
        let keys = self.table.into_iter().flat_map(|table| table.keys());
        for key in keys.filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let name: String = key.get_ref().chars().take(SHOWN_CHARS).collect();
            let distance = |known: &&&str| strsim::damerau_levenshtein(known, &name);
            let Some(nearest) = self.known.iter().min_by_key(distance) else { continue };
            self.faults.push(Fault {
                line: self.source.line(key.span().start),
                key: self.path_of(&name.escape_debug().to_string()),
                value: None,
                problem: Problem::UnknownKey { nearest, known: self.known.clone() },
            });
        }
        into.append(&mut self.faults);
    }

    /// A value of another kind may hold anything, so only its kind is shown.
    fn complain_of_kind(
        &mut self,
        key: String,
        value: &Spanned<DeValue<'_>>,
        expected: &'static str,
    ) {
        let line = self.source.line(value.span().start);
        let value = Some(value.get_ref().type_str().to_owned());
        self.faults.push(Fault { line, key, value, problem: Problem::WrongKind { expected } });
    }

    fn ask(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.and_then(|table| table.get(key))
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn indexed(&self, key: &str, index: usize) -> String {
        format!("{}[{index}]", self.path_of(key))
    }
}
