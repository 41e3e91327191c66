//! The grammar. Blanks may stand between tokens; in a property they are part of its keys.

use serde_json::Number;
use winnow::Parser;
use winnow::combinator::{alt, cut_err, delimited, fail, opt, peek, preceded, repeat, separated};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::stream::Stream;
use winnow::token::{any, none_of, one_of, take_while};

use crate::property::{Placeholder, Property, PropertyFault};
use crate::{Comparison, Error, Expression, Literal, Pattern, Predicate, TimeExpression};

type Parsed<T> = Result<T, ErrMode<Fault>>;

/// Which placeholders may be used as properties.
type Admits<'a> = &'a dyn Fn(&Placeholder) -> bool;

/// What is wrong where parsing stopped.
#[derive(Debug, Clone)]
enum Fault {
    /// What is expected there, once somebody knows.
    Missing(Option<&'static str>),
    TooDeep,
    Property(PropertyFault, String),
    NotComparable(String),
    PatternTooLong,
}

impl<'i> ParserError<&'i str> for Fault {
    type Inner = Self;

    fn from_input(_: &&'i str) -> Self {
        Self::Missing(None)
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl<'i> AddContext<&'i str, &'static str> for Fault {
    /// The innermost parser knows best.
    fn add_context(
        self,
        _: &&'i str,
        _: &<&'i str as Stream>::Checkpoint,
        expected: &'static str,
    ) -> Self {
        match self {
            Self::Missing(None) => Self::Missing(Some(expected)),
            known @ (Self::Missing(Some(_))
            | Self::TooDeep
            | Self::Property(..)
            | Self::NotComparable(_)
            | Self::PatternTooLong) => known,
        }
    }
}

/// Parses a whole expression.
pub(crate) fn parse(text: &str, admits: Admits<'_>) -> Result<Expression, Error> {
    if text.len() > Predicate::BYTES_MAX {
        return Err(Error::TooLong {
            length: text.len(),
            length_max: Predicate::BYTES_MAX,
        });
    }
    let mut whole = |input: &mut &str| expression(input, admits, 0);
    whole.parse(text).map_err(|error| {
        let before = text.get(..error.offset()).unwrap_or(text);
        described(error.into_inner(), before.chars().count() + 1)
    })
}

fn described(fault: Fault, position: usize) -> Error {
    match fault {
        Fault::Missing(expected) => Error::Syntax {
            position,
            expected: expected.unwrap_or("the end"),
        },
        Fault::TooDeep => Error::TooDeep {
            position,
            depth_max: Predicate::DEPTH_MAX,
        },
        Fault::Property(PropertyFault::EmptySegment, property) => {
            Error::EmptySegment { position, property }
        }
        Fault::Property(PropertyFault::Unknown, property) => {
            Error::UnknownProperty { position, property }
        }
        Fault::NotComparable(property) => Error::NotComparable { position, property },
        Fault::PatternTooLong => Error::PatternTooLong { position },
    }
}

fn expression(input: &mut &str, admits: Admits<'_>, depth: usize) -> Parsed<Expression> {
    if depth > Predicate::DEPTH_MAX {
        return Err(ErrMode::Cut(Fault::TooDeep));
    }
    blank(input)?;
    let start = input.checkpoint();
    let name = take_while(1.., 'a'..='z')
        .context("an operator")
        .parse_next(input)?;
    symbol('(', "`(`").parse_next(input)?;
    let comparison = match name {
        "eq" => Some(Comparison::Equal),
        "ne" => Some(Comparison::NotEqual),
        "gt" => Some(Comparison::Greater),
        "ge" => Some(Comparison::GreaterOrEqual),
        "lt" => Some(Comparison::Less),
        "le" => Some(Comparison::LessOrEqual),
        _ => None,
    };
    let parsed = match (name, comparison) {
        (_, Some(comparison)) => {
            let property = property(input, admits, true)?;
            Expression::Compare(property, comparison, operand(input)?)
        }
        ("in", None) => Expression::In(property(input, admits, true)?, operands(input)?),
        ("like" | "ilike", None) => Expression::Like(
            property(input, admits, true)?,
            pattern(input, name == "like")?,
        ),
        ("exists", None) => Expression::Exists(property(input, admits, false)?),
        ("empty", None) => Expression::Empty(property(input, admits, false)?),
        ("and", None) => Expression::And(expressions(input, admits, depth)?),
        ("or", None) => Expression::Or(expressions(input, admits, depth)?),
        ("not", None) => Expression::Not(Box::new(expression(input, admits, depth + 1)?)),
        (_, None) => {
            input.reset(&start);
            return Err(ErrMode::Cut(Fault::Missing(Some("an operator"))));
        }
    };
    symbol(')', "`)`").parse_next(input)?;
    blank(input)?;
    Ok(parsed)
}

fn expressions(input: &mut &str, admits: Admits<'_>, depth: usize) -> Parsed<Vec<Expression>> {
    let one = |input: &mut &str| expression(input, admits, depth + 1);
    separated(1.., cut_err(one), ',').parse_next(input)
}

fn property(input: &mut &str, admits: Admits<'_>, is_compared: bool) -> Parsed<Property> {
    blank(input)?;
    let start = input.checkpoint();
    let character = alt((none_of([',', ')', '"', '\\']), escape));
    let text: String = repeat(1.., character)
        .context("a property")
        .parse_next(input)?;
    let fault = match Property::parse(&text) {
        Ok(Property::Placeholder { placeholder, .. }) if !admits(&placeholder) => {
            Fault::Property(PropertyFault::Unknown, text)
        }
        Ok(property) if is_compared && !property.is_comparable() => Fault::NotComparable(text),
        Ok(property) => return Ok(property),
        Err(fault) => Fault::Property(fault, text),
    };
    input.reset(&start);
    Err(ErrMode::Cut(fault))
}

/// A comma and a value.
fn operand(input: &mut &str) -> Parsed<Literal> {
    symbol(',', "`,` and a value").parse_next(input)?;
    literal(input)
}

fn operands(input: &mut &str) -> Parsed<Vec<Literal>> {
    let mut literals = vec![operand(input)?];
    while peek(opt(',')).parse_next(input)?.is_some() {
        literals.push(operand(input)?);
    }
    Ok(literals)
}

fn pattern(input: &mut &str, is_case_sensitive: bool) -> Parsed<Pattern> {
    symbol(',', "`,` and a text").parse_next(input)?;
    blank(input)?;
    let text = quoted.context("a text in quotes").parse_next(input)?;
    blank(input)?;
    Pattern::new(text, is_case_sensitive).ok_or(ErrMode::Cut(Fault::PatternTooLong))
}

fn literal(input: &mut &str) -> Parsed<Literal> {
    let value = alt((
        quoted.map(Literal::Text),
        number,
        time,
        "true".value(Literal::Bool(true)),
        "false".value(Literal::Bool(false)),
        "null".value(Literal::Null),
    ));
    delimited(blank, value, blank)
        .context("a value")
        .parse_next(input)
}

fn number(input: &mut &str) -> Parsed<Literal> {
    let digits = || take_while(1.., '0'..='9');
    let text: &str = (
        opt(one_of(['+', '-'])),
        alt((
            (one_of('1'..='9'), take_while(0.., '0'..='9')).void(),
            one_of('0').void(),
        )),
        opt(('.', digits())),
    )
        .take()
        .parse_next(input)?;
    let text = text.strip_prefix('+').unwrap_or(text);
    let number = if text.contains('.') {
        text.parse().ok().and_then(Number::from_f64)
    } else {
        text.parse::<i64>().ok().map(Number::from)
    };
    number
        .map(Literal::Number)
        .ok_or(ErrMode::Cut(Fault::Missing(Some(
            "a number that fits into 64 bits",
        ))))
}

fn time(input: &mut &str) -> Parsed<Literal> {
    let name = preceded(
        "time:",
        take_while(0.., |each: char| {
            each.is_ascii_alphanumeric() || matches!(each, '_' | '+' | '-' | '[' | ']')
        }),
    );
    name.map(|name| TimeExpression::parse(name).map_or(Literal::Null, Literal::Time))
        .parse_next(input)
}

fn quoted(input: &mut &str) -> Parsed<String> {
    let text = |quote: char| {
        let character = alt((none_of([quote, '\\']), escape));
        let content = repeat(0.., character).fold(String::new, |mut text, each: char| {
            text.push(each);
            text
        });
        delimited(quote, content, cut_err(quote).context("the closing quote"))
    };
    alt((text('"'), text('\''))).parse_next(input)
}

/// The escapes of JSON, and that of a single quote.
fn escape(input: &mut &str) -> Parsed<char> {
    '\\'.parse_next(input)?;
    let each = cut_err(any).context("an escape").parse_next(input)?;
    Ok(match each {
        '"' | '\'' | '\\' | '/' => each,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return cut_err(unicode).context("an escape").parse_next(input),
        _ => return cut_err(fail).context("an escape").parse_next(input),
    })
}

/// Four hexadecimal digits, twice for a character beyond U+FFFF.
fn unicode(input: &mut &str) -> Parsed<char> {
    let first = unit(input)?;
    let units = if (0xd800..0xdc00).contains(&first) {
        "\\u".parse_next(input)?;
        vec![first, unit(input)?]
    } else {
        vec![first]
    };
    match char::decode_utf16(units).next() {
        Some(Ok(decoded)) => Ok(decoded),
        Some(Err(_)) | None => fail.parse_next(input),
    }
}

fn unit(input: &mut &str) -> Parsed<u16> {
    take_while(4..=4, |each: char| each.is_ascii_hexdigit())
        .verify_map(|digits| u16::from_str_radix(digits, 16).ok())
        .parse_next(input)
}

fn symbol<'i>(symbol: char, expected: &'static str) -> impl Parser<&'i str, char, ErrMode<Fault>> {
    cut_err(symbol).context(expected)
}

fn blank(input: &mut &str) -> Parsed<()> {
    take_while(0.., [' ', '\n', '\r', '\t', '\u{c}'])
        .void()
        .parse_next(input)
}

#[cfg(test)]
mod tests;
