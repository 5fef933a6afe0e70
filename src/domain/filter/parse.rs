//! Reads a filter's text; what is wrong is told with its place and what may have been meant.

use super::field::Sort;
use super::moment::parse_span;
use super::{
    Comparison, Condition, Expression, Fault, Feature, Field, MOMENTS, Moment, Pattern, Regex, Saved, Scope, Test,
};
use crate::domain::Kind;

/// How deep brackets, `not` and saved filters may stand in each other.
const DEEPEST: usize = 48;

/// Reads a filter; `None` for a text that holds none.
pub(super) fn parse(text: &str, scope: Scope, saved: &Saved) -> Result<Option<Expression>, Fault> {
    Parser { text, at: 0, scope, saved, depth: 0, open: Vec::new() }.whole()
}

/// Whether a word may name a saved filter.
pub fn is_name(text: &str) -> bool {
    let fine = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    !text.is_empty() && text.chars().all(fine)
}

pub(super) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// Whether a value without quotes ends before this character.
pub(super) fn ends_value(letter: char) -> bool {
    letter == ',' || ends_word(letter)
}

/// Whether a word without quotes ends before this character.
pub(super) fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '(' | ')' | '"')
}

/// Whether a word would be taken for the name of a field, given a sign behind it.
pub(super) fn reads_as_test(word: &str) -> bool {
    Field::parse(word).is_some()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    scope: Scope,
    saved: &'a Saved,
    depth: usize,
    /// The saved filters that are being read.
    open: Vec<String>,
}

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Result<Option<Expression>, Fault> {
        self.skip_spaces();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let expression = self.either()?;
        match self.rest().chars().next() {
            None => Ok(Some(expression)),
            Some(_) => Err(self.fault("this bracket closes nothing")),
        }
    }

    fn either(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.both()?];
        while self.takes_word("or") {
            parts.push(self.both()?);
        }
        Expression::or(parts).ok_or_else(|| self.fault("something is missing"))
    }

    fn both(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.one()?];
        loop {
            if self.takes_word("and") {
                parts.push(self.one()?);
            } else if self.rest().is_empty() || self.rest().starts_with(')') || self.stands("or") {
                break;
            } else {
                parts.push(self.one()?);
            }
        }
        Expression::and(parts).ok_or_else(|| self.fault("something is missing"))
    }

    fn one(&mut self) -> Result<Expression, Fault> {
        self.skip_spaces();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault("this stands too deep in brackets, nots and saved filters"));
        }
        let one = self.one_inside();
        self.depth -= 1;
        self.skip_spaces();
        one
    }

    fn one_inside(&mut self) -> Result<Expression, Fault> {
        if self.takes_word("not") {
            return Ok(Expression::opposite(self.one()?));
        }
        for keyword in ["and", "or"] {
            if self.stands(keyword) {
                let fault = self.fault(format!("there is nothing before \"{keyword}\""));
                return Err(fault.hint("a word to be found stands in quotes"));
            }
        }
        match self.rest().chars().next() {
            None => Err(self.fault("something is missing")),
            Some('(') => self.bracket(),
            Some(')') => Err(self.fault("there is nothing before this bracket")),
            Some('@') => self.named(),
            Some('"') => Ok(like(Field::Text, vec![Pattern::new(self.quoted()?)])),
            Some(_) => self.test_or_word(),
        }
    }

    fn bracket(&mut self) -> Result<Expression, Fault> {
        let opened = self.at;
        self.at += 1;
        self.skip_spaces();
        let inner = self.either()?;
        if !self.rest().starts_with(')') {
            return Err(Fault::new(self.text, opened, "this bracket is never closed"));
        }
        self.at += 1;
        Ok(inner)
    }

    /// A saved filter; what is wrong inside it is told at its name.
    fn named(&mut self) -> Result<Expression, Fault> {
        let start = self.at;
        self.at += 1;
        let name = self.take_while(|letter| !ends_word(letter)).to_owned();
        let Some(text) = self.saved.get(&name) else {
            let fault = Fault::new(self.text, start, format!("no filter is saved as \"{name}\""));
            let known: Vec<&str> = self.saved.keys().map(String::as_str).collect();
            return Err(if known.is_empty() { fault } else { fault.hint(format!("there are {}", known.join(", "))) });
        };
        if self.open.contains(&name) {
            return Err(Fault::new(self.text, start, format!("the saved filter \"{name}\" names itself")));
        }
        let mut open = self.open.clone();
        open.push(name.clone());
        let mut inner = Parser { text, at: 0, scope: self.scope, saved: self.saved, depth: self.depth, open };
        match inner.whole() {
            Ok(Some(expression)) => Ok(Expression::Named(name, Box::new(expression))),
            Ok(None) => Err(Fault::new(self.text, start, format!("the saved filter \"{name}\" is empty"))),
            Err(fault) => {
                let words = format!("the saved filter \"{name}\" is not understood");
                Err(Fault::new(self.text, start, words).hint(fault.to_string()))
            }
        }
    }

    fn test_or_word(&mut self) -> Result<Expression, Fault> {
        let start = self.at;
        let name = self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if let Some(sign) = self.sign(name) {
            return self.test(start, name, sign);
        }
        self.at = start;
        let word = self.take_while(|letter| !ends_word(letter));
        Ok(like(Field::Text, vec![Pattern::new(word)]))
    }

    /// The sign behind the name of a field, which is read over; `None` where the word is no name of a test.
    fn sign(&mut self, name: &str) -> Option<&'static str> {
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        let after = self.rest().trim_start();
        let spaces = self.rest().len() - after.len();
        let sign = [">=", "<=", "!=", ">", "<", "=", "~", ":"].into_iter().find(|sign| after.starts_with(sign))?;
        // Spaces may stand before a comparison with a field, as in `tokens > 1000`.
        if spaces > 0 && (sign == ":" || Field::parse(name).is_none()) {
            return None;
        }
        self.at += spaces + sign.len();
        if spaces > 0 {
            self.skip_spaces();
        }
        Some(sign)
    }

    fn test(&mut self, start: usize, name: &str, sign: &str) -> Result<Expression, Fault> {
        let Some(field) = Field::parse(name) else {
            let fault = Fault::new(self.text, start, format!("unknown field \"{name}\""));
            let fault = fault.hint("text to be found that looks like a field stands in quotes");
            return Err(fault.suggest(name, Field::all(self.scope).map(Field::name)));
        };
        if !field.means_something_for(self.scope) {
            let words = format!("\"{}\" says nothing about {}", field.name(), self.scope.name());
            return Err(Fault::new(self.text, start, words));
        }
        if sign == "!=" {
            return Err(Fault::new(self.text, start, format!("\"{name}!=\" is not understood"))
                .hint(format!("write not {name}:…")));
        }
        if self.rest().chars().next().is_none_or(|letter| letter.is_whitespace() || matches!(letter, ')' | ',')) {
            return Err(self.fault(format!("\"{name}{sign}\" needs a value")));
        }
        let condition = match sign {
            "~" => self.regex(field)?,
            _ => self.condition(start, field, sign)?,
        };
        Ok(Expression::Test(Test { field, condition }))
    }

    fn regex(&mut self, field: Field) -> Result<Condition, Fault> {
        let at = self.at;
        if !matches!(field.sort(), Sort::Text | Sort::Words | Sort::Name) {
            return Err(Fault::new(self.text, at, format!("\"{}\" takes no regular expression", field.name())));
        }
        let written = if self.rest().starts_with('"') { self.quoted()? } else { self.bare_regex() };
        let regex = Regex::new(&without_escaped_quotes(written)).map_err(|reason| {
            Fault::new(self.text, at, format!("the regular expression is not understood ({reason})"))
        })?;
        Ok(Condition::Regex(regex))
    }

    /// A regular expression without quotes ends at a space, or at a bracket that it does not open.
    fn bare_regex(&mut self) -> &'a str {
        let mut open = 0usize;
        self.take_while(|letter| {
            match letter {
                '(' => open += 1,
                ')' if open == 0 => return false,
                ')' => open -= 1,
                _ => {}
            }
            !letter.is_whitespace()
        })
    }

    fn condition(&mut self, start: usize, field: Field, sign: &str) -> Result<Condition, Fault> {
        let place = self.at;
        let comparison = comparison(sign);
        let wrong = |words: String| Fault::new(self.text, start, words);
        let name = field.name();
        match field.sort() {
            Sort::Text | Sort::Words | Sort::Name | Sort::Has if !matches!(sign, ":" | "=") => {
                Err(wrong(format!("\"{name}\" cannot be compared with {sign}")).hint(format!("write {name}:…")))
            }
            Sort::Bound if sign != ":" => Err(wrong(format!("\"{name}\" cannot be compared with {sign}"))
                .hint(format!("write {name}:…, or at{sign}…"))),
            Sort::Moment if matches!(sign, ":" | "=") => {
                Err(wrong(format!("\"{name}\" needs >, >=, < or <=")).hint("such as at>+10m"))
            }
            Sort::Has => self.features(),
            Sort::Name => {
                let patterns = self.patterns()?;
                self.check_kinds(place, &patterns)?;
                Ok(Condition::Like(patterns))
            }
            Sort::Text | Sort::Words => Ok(Condition::Like(self.patterns()?)),
            Sort::Number => {
                let (value, at) = self.single(name)?;
                let number = number(value).ok_or_else(|| {
                    let fault = Fault::new(self.text, at, format!("\"{value}\" is no number"));
                    fault.hint("such as 1000 or 10k")
                })?;
                Ok(Condition::Number(comparison, number))
            }
            Sort::Span => {
                let (value, at) = self.single(name)?;
                let span = parse_span(value).ok_or_else(|| {
                    let fault = Fault::new(self.text, at, format!("\"{value}\" is no duration"));
                    fault.hint("it needs a unit, such as 2s, 150ms or 1m30s")
                })?;
                Ok(Condition::Span(comparison, span))
            }
            Sort::Moment | Sort::Bound => {
                let (value, at) = self.single(name)?;
                let moment = Moment::parse(value).ok_or_else(|| {
                    let fault = Fault::new(self.text, at, format!("\"{value}\" is no time"));
                    fault.hint(format!("such as {MOMENTS}"))
                })?;
                let comparison = match field {
                    Field::Since | Field::After => Comparison::AtLeast,
                    Field::Before => Comparison::Less,
                    _ => comparison,
                };
                Ok(Condition::Moment(comparison, moment))
            }
        }
    }

    fn check_kinds(&self, at: usize, patterns: &[Pattern]) -> Result<(), Fault> {
        let kinds = || Kind::ALL.into_iter().map(Kind::name);
        for pattern in patterns {
            if !kinds().any(|kind| pattern.fits(kind)) {
                let written = pattern.written();
                let fault = Fault::new(self.text, at, format!("unknown kind \"{written}\""));
                let names: Vec<&str> = kinds().collect();
                return Err(fault.hint(format!("there are {}", names.join(", "))).suggest(written, kinds()));
            }
        }
        Ok(())
    }

    fn features(&mut self) -> Result<Condition, Fault> {
        let mut features = Vec::new();
        loop {
            let at = self.at;
            let name = self.value()?;
            let found = Feature::parse(name).filter(|found| Feature::all(self.scope).any(|known| known == *found));
            let Some(feature) = found else {
                let names: Vec<&str> = Feature::all(self.scope).map(Feature::name).collect();
                let fault = Fault::new(self.text, at, format!("{} can have no \"{name}\"", self.scope.name()));
                let fault = fault.hint(format!("there are {}", names.join(", ")));
                return Err(fault.suggest(name, Feature::all(self.scope).map(Feature::name)));
            };
            features.push(feature);
            if !self.takes_comma()? {
                return Ok(Condition::Has(features));
            }
        }
    }

    fn patterns(&mut self) -> Result<Vec<Pattern>, Fault> {
        let mut patterns = vec![Pattern::new(self.value()?)];
        while self.takes_comma()? {
            patterns.push(Pattern::new(self.value()?));
        }
        Ok(patterns)
    }

    /// The only value of a test, and where it stands.
    fn single(&mut self, name: &str) -> Result<(&'a str, usize), Fault> {
        let at = self.at;
        let value = self.value()?;
        if self.takes_comma()? {
            return Err(Fault::new(self.text, at, format!("\"{name}\" takes one value")).hint("join two tests with or"));
        }
        Ok((value, at))
    }

    fn value(&mut self) -> Result<&'a str, Fault> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let mut escaped = false;
        let value = self.take_while(|letter| {
            let ends = ends_value(letter) && !escaped;
            escaped = letter == '\\' && !escaped;
            !ends
        });
        if value.is_empty() { Err(self.fault("a value is missing")) } else { Ok(value) }
    }

    fn takes_comma(&mut self) -> Result<bool, Fault> {
        let found = self.rest().starts_with(',');
        self.at += usize::from(found);
        if !found && self.rest().starts_with('"') {
            return Err(self.fault("a space is missing before this quote"));
        }
        Ok(found)
    }

    /// What stands between quotes, as it is written.
    fn quoted(&mut self) -> Result<&'a str, Fault> {
        let opened = self.at;
        self.at += 1;
        let mut escaped = false;
        let inside = self.take_while(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            !ends
        });
        if !self.rest().starts_with('"') {
            return Err(Fault::new(self.text, opened, "this quote is never closed"));
        }
        self.at += 1;
        if self.rest().chars().next().is_some_and(|letter| !letter.is_whitespace() && !matches!(letter, ')' | ',')) {
            return Err(self.fault("a space is missing behind the quote"));
        }
        Ok(inside)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, mut takes: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !takes(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Whether a keyword stands here.
    fn stands(&self, keyword: &str) -> bool {
        let rest = self.rest();
        let word = rest.get(..keyword.len()).is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        word && rest[keyword.len()..].chars().next().is_none_or(ends_word)
    }

    fn takes_word(&mut self, keyword: &str) -> bool {
        let found = self.stands(keyword);
        if found {
            self.at += keyword.len();
            self.skip_spaces();
        }
        found
    }

    fn fault(&self, words: impl Into<String>) -> Fault {
        Fault::new(self.text, self.at, words)
    }
}

fn like(field: Field, patterns: Vec<Pattern>) -> Expression {
    Expression::Test(Test { field, condition: Condition::Like(patterns) })
}

/// A quote needs no `\` inside a regular expression; all other escapes are its own.
fn without_escaped_quotes(written: &str) -> String {
    let mut text = String::with_capacity(written.len());
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.as_str().chars().next()) {
            ('\\', Some('"')) => {}
            ('\\', Some(next)) => {
                text.extend(['\\', next]);
                letters.next();
            }
            _ => text.push(letter),
        }
    }
    text
}

fn comparison(sign: &str) -> Comparison {
    match sign {
        "<" => Comparison::Less,
        "<=" => Comparison::AtMost,
        ">" => Comparison::Greater,
        ">=" => Comparison::AtLeast,
        _ => Comparison::Equal,
    }
}

/// `1000`, `10k`, `1.5M`.
fn number(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" => 1_000,
        "m" | "M" => 1_000_000,
        "g" | "G" => 1_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (negative, whole) = whole.strip_prefix('-').map_or((false, whole), |rest| (true, rest));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut total = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        total = total.checked_add(i64::from(digit.to_digit(10)?) * place)?;
    }
    Some(if negative { -total } else { total })
}
