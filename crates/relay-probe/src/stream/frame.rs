//! One frame of a stream, read leniently in a single pass.
//!
//! Frames come from strangers: a member may have any type, be missing or be there twice. What does not fit is
//! skipped, so one odd member never hides the text beside it, and nothing is built for members nobody asks for.

use std::{borrow::Cow, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The members of a frame that any dialect uses.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// `type`.
    pub(super) kind: Words<'a>,
    /// OpenAI.
    pub(super) choices: List<Choice<'a>>,
    /// Gemini.
    pub(super) candidates: List<Candidate<'a>>,
    /// Anthropic (an object) and Responses (a string).
    pub(super) delta: Delta<'a>,
    /// Responses.
    pub(super) text: Words<'a>,
    /// Simple relays.
    pub(super) content: Words<'a>,
    /// Simple relays (a string) and Anthropic's `message_start` (an object).
    pub(super) message: Message<'a>,
    model: Words<'a>,
    error: Trouble<'a>,
    response: Response<'a>,
    success: Scalar<'a>,
    code: Scalar<'a>,
    note: Words<'a>,
    scalar: Option<Cow<'a, str>>,
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None` when `text` is no JSON.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'{' | b'[' => serde_json::from_str(text).ok(),
            b'"' => serde_json::from_str::<Text<'_>>(text)
                .ok()
                .map(|Text(words)| Self { scalar: Some(words), ..Self::default() }),
            // A bare number or literal may be a token of a plain text stream: it counts as words.
            _ => None,
        }
    }

    /// Returns the words when the frame is nothing but a JSON string.
    pub(super) fn scalar(&self) -> Option<&str> {
        self.scalar.as_deref()
    }

    /// Returns the model, wherever the dialect names it.
    pub(super) fn model(&self) -> Option<&str> {
        [&self.model, &self.message.model, &self.response.model]
            .into_iter()
            .find_map(|model| model.as_deref().filter(|name| !name.is_empty()))
    }

    /// Tells whether the frame reports a failure instead of text.
    pub(super) fn is_error(&self) -> bool {
        self.error.is_there
            || self.response.error.is_there
            || matches!(self.kind.as_deref(), Some("error" | "response.failed"))
            || self.success.is_false()
            || (self.code.is_failure() && self.message.text.0.is_some() && self.choices.is_none())
    }

    /// Returns the words of the failure.
    pub(super) fn error_message(&self) -> Option<Cow<'a, str>> {
        let own = self.error.message.clone().or_else(|| self.response.error.message.clone());
        own.or_else(|| self.note())
    }

    /// Returns what the frame says of itself: `message`, else `msg` or `detail`.
    pub(super) fn note(&self) -> Option<Cow<'a, str>> {
        self.message.text.0.clone().or_else(|| self.note.0.clone())
    }
}

/// Text that borrows from the input when it has no escapes.
#[derive(Debug, Default, Clone)]
pub(super) struct Words<'a>(pub(super) Option<Cow<'a, str>>);

impl Words<'_> {
    /// Returns the text, when there was any.
    pub(super) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// A list, `None` when the member is missing or something else.
pub(super) type List<T> = Option<Vec<T>>;

/// An element of `choices`.
#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    pub(super) delta: Delta<'a>,
    pub(super) message: Delta<'a>,
    pub(super) text: Words<'a>,
}

/// What a frame adds.
#[derive(Debug, Default)]
pub(super) struct Delta<'a> {
    pub(super) plain: Words<'a>,
    pub(super) content: Words<'a>,
    pub(super) text: Words<'a>,
    pub(super) reasoning: Words<'a>,
}

/// An element of `candidates`: the parts of its `content`.
#[derive(Debug, Default)]
pub(super) struct Candidate<'a> {
    pub(super) parts: Vec<Part<'a>>,
}

/// A part of a candidate.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    pub(super) text: Words<'a>,
    pub(super) thought: bool,
}

/// A top-level `message`.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) text: Words<'a>,
    model: Words<'a>,
}

#[derive(Debug, Default)]
struct Response<'a> {
    model: Words<'a>,
    error: Trouble<'a>,
}

#[derive(Debug, Default)]
struct Trouble<'a> {
    is_there: bool,
    message: Option<Cow<'a, str>>,
}

/// The `parts` of a candidate's `content`.
#[derive(Debug, Default)]
struct Parts<'a>(Vec<Part<'a>>);

/// A member that is a number, a literal or a string.
#[derive(Debug, Default)]
struct Scalar<'a> {
    text: Option<Cow<'a, str>>,
    number: Option<f64>,
    boolean: Option<bool>,
}

impl Scalar<'_> {
    fn is_false(&self) -> bool {
        self.boolean == Some(false)
    }

    /// Tells whether a `code` means failure: anything but 0, and 200, which many relays send beside "success".
    fn is_failure(&self) -> bool {
        self.number.is_some_and(|number| number != 0.0 && number != 200.0)
            || self.text.as_deref().is_some_and(|text| {
                !["", "0", "200", "ok", "success"].iter().any(|fine| text.eq_ignore_ascii_case(fine))
            })
    }
}

/// A value that takes what it knows of any JSON and lets the rest pass.
trait Take<'de>: Default {
    /// Takes the member `name` of an object from `map`, or returns `false` to have it skipped.
    fn member<A: MapAccess<'de>>(&mut self, _name: &str, _map: &mut A) -> Result<bool, A::Error> {
        Ok(false)
    }

    /// Takes one element of an array, or returns `false` at its end.
    fn element<A: SeqAccess<'de>>(&mut self, array: &mut A) -> Result<bool, A::Error> {
        Ok(array.next_element::<IgnoredAny>()?.is_some())
    }

    fn text(&mut self, _text: Cow<'de, str>) {}
    fn number(&mut self, _number: f64) {}
    fn boolean(&mut self, _boolean: bool) {}

    /// Called at the start of an object or array.
    fn opened(&mut self) {}
}

struct Taking<T>(PhantomData<T>);

impl<'de, T: Take<'de>> Visitor<'de> for Taking<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        value.opened();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if !value.member(&name, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<T, A::Error> {
        let mut value = T::default();
        value.opened();
        while value.element(&mut array)? {}
        Ok(value)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        let mut value = T::default();
        value.text(Cow::Borrowed(text));
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let mut value = T::default();
        value.text(Cow::Owned(text.to_owned()));
        Ok(value)
    }

    fn visit_bool<E: Error>(self, boolean: bool) -> Result<T, E> {
        let mut value = T::default();
        value.boolean(boolean);
        Ok(value)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let mut value = T::default();
        value.number(number);
        Ok(value)
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

macro_rules! deserialize_by_taking {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Taking(PhantomData))
            }
        }
    )*};
}

deserialize_by_taking!(
    Frame, Words, Choice, Delta, Candidate, Part, Message, Response, Trouble, Parts, Scalar
);

/// A string, borrowed when it can be.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A list of `T`, or nothing when the member is no array.
#[derive(Debug)]
struct Elements<T>(List<T>);

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Take<'de> for Elements<T> {
    fn element<A: SeqAccess<'de>>(&mut self, array: &mut A) -> Result<bool, A::Error> {
        let Some(element) = array.next_element()? else { return Ok(false) };
        // Nearly every list has one element: the four that a vector starts with would be large.
        self.0.get_or_insert_with(|| Vec::with_capacity(1)).push(element);
        Ok(true)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Elements<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taking(PhantomData))
    }
}

// === what each value takes ===

impl<'de> Take<'de> for Frame<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "type" => self.kind = map.next_value()?,
            "choices" => self.choices = map.next_value::<Elements<_>>()?.0,
            "candidates" => self.candidates = map.next_value::<Elements<_>>()?.0,
            "delta" => self.delta = map.next_value()?,
            "text" => self.text = map.next_value()?,
            "content" => self.content = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "model" | "modelVersion" => self.model = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "response" => self.response = map.next_value()?,
            "success" => self.success = map.next_value()?,
            "code" => self.code = map.next_value()?,
            "msg" | "detail" => self.note = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Take<'de> for Words<'de> {
    fn text(&mut self, text: Cow<'de, str>) {
        self.0 = Some(text);
    }

    // Lists of parts, as some relays send content: `[{"type":"text","text":"…"}]`.
    fn element<A: SeqAccess<'de>>(&mut self, array: &mut A) -> Result<bool, A::Error> {
        let Some(element) = array.next_element::<Part<'de>>()? else { return Ok(false) };
        match (&mut self.0, element.text.0) {
            (_, None) => {}
            (Some(text), Some(more)) => text.to_mut().push_str(&more),
            (none, more) => *none = more,
        }
        Ok(true)
    }
}

impl<'de> Take<'de> for Choice<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "delta" => self.delta = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "text" => self.text = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Take<'de> for Delta<'de> {
    fn text(&mut self, text: Cow<'de, str>) {
        self.plain.0 = Some(text);
    }

    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "content" => self.content = map.next_value()?,
            "text" => self.text = map.next_value()?,
            // A relay that sends both names sends the same words twice: the first non-empty one wins.
            "reasoning_content" | "reasoning" | "thinking" => {
                let words: Words<'de> = map.next_value()?;
                if self.reasoning.as_deref().is_none_or(str::is_empty) {
                    self.reasoning = words;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Take<'de> for Candidate<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "content" {
            self.parts = map.next_value::<Parts<'de>>()?.0;
            return Ok(true);
        }
        Ok(false)
    }
}

impl<'de> Take<'de> for Parts<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "parts" {
            self.0 = map.next_value::<Elements<_>>()?.0.unwrap_or_default();
            return Ok(true);
        }
        Ok(false)
    }
}

impl<'de> Take<'de> for Part<'de> {
    fn text(&mut self, text: Cow<'de, str>) {
        self.text.0 = Some(text);
    }

    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "text" => self.text = map.next_value()?,
            "thought" => self.thought = map.next_value::<Scalar<'de>>()?.boolean == Some(true),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Take<'de> for Message<'de> {
    fn text(&mut self, text: Cow<'de, str>) {
        self.text.0 = Some(text);
    }

    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "model" {
            self.model = map.next_value()?;
            return Ok(true);
        }
        Ok(false)
    }
}

impl<'de> Take<'de> for Response<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "model" => self.model = map.next_value()?,
            "error" => self.error = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Take<'de> for Trouble<'de> {
    fn opened(&mut self) {
        self.is_there = true;
    }

    fn text(&mut self, text: Cow<'de, str>) {
        self.is_there = !text.is_empty();
        self.message = Some(text);
    }

    fn number(&mut self, number: f64) {
        self.is_there = number != 0.0;
    }

    fn boolean(&mut self, boolean: bool) {
        self.is_there = boolean;
    }

    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "message" {
            self.message = map.next_value::<Words<'de>>()?.0;
            return Ok(true);
        }
        Ok(false)
    }
}

impl<'de> Take<'de> for Scalar<'de> {
    fn text(&mut self, text: Cow<'de, str>) {
        self.text = Some(text);
    }

    fn number(&mut self, number: f64) {
        self.number = Some(number);
    }

    fn boolean(&mut self, boolean: bool) {
        self.boolean = Some(boolean);
    }
}
