//! One frame of a stream, read leniently in a single pass.
//!
//! Frames come from strangers: a member may have any type, be missing or be there twice. What does not fit is
//! skipped, so one odd member never hides the text beside it, and nothing is built for members nobody asks for.

use std::{borrow::Cow, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The members of a frame that any dialect uses.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// `type`.
    pub(super) kind: Words<'a>,
    /// OpenAI.
    pub(super) choices: Listed<'a, Choice<'a>>,
    /// Gemini.
    pub(super) candidates: Listed<'a, Candidate<'a>>,
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
    /// Reads `text` into this empty frame, where it lies: frames are large to move. Returns `false` when it is no JSON.
    pub(super) fn read(&mut self, text: &'a str) -> bool {
        match text.as_bytes().first() {
            Some(b'{' | b'[') => {
                let mut json = serde_json::Deserializer::from_str(text);
                Filling(self).deserialize(&mut json).is_ok() && json.end().is_ok()
            }
            Some(b'"') => {
                self.scalar = serde_json::from_str::<Text<'_>>(text).ok().map(|Text(words)| words);
                self.scalar.is_some()
            }
            // A bare number or literal may be a token of a plain text stream: it counts as words.
            _ => false,
        }
    }

    /// Reads the object that `text` begins with into this empty frame, and tells how many bytes it takes; `None` when
    /// it is broken or not whole.
    pub(super) fn read_first(&mut self, text: &'a str) -> Option<usize> {
        let mut json = serde_json::Deserializer::from_str(text);
        Filling(self).deserialize(&mut json).ok()?;
        Some(json.into_iter::<IgnoredAny>().byte_offset())
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
            || (self.code.is_failure() && self.message.text.0.is_some() && self.choices.said.is_none())
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

/// What was said, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) content: Words<'a>,
    pub(super) reasoning: Words<'a>,
}

impl<'a> Said<'a> {
    /// Adds `more` behind what is there.
    fn append(words: &mut Words<'a>, more: Words<'a>) {
        match (&mut words.0, more.0) {
            (_, None) => {}
            (Some(text), Some(more)) => text.to_mut().push_str(&more),
            (none, more) => *none = more,
        }
    }
}

/// A list of which only what its elements say is kept, `None` when the member is missing, empty or something else.
/// Nearly every list has one element, whose words then are borrowed.
#[derive(Debug)]
pub(super) struct Listed<'a, T> {
    pub(super) said: Option<Said<'a>>,
    element: PhantomData<T>,
}

impl<T> Default for Listed<'_, T> {
    fn default() -> Self {
        Self { said: None, element: PhantomData }
    }
}

/// An element of a list that says something.
trait Says<'a> {
    fn say(self, said: &mut Said<'a>);
}

/// An element of `choices`.
#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    delta: Said<'a>,
    message: Said<'a>,
    text: Words<'a>,
}

/// What a frame adds.
#[derive(Debug, Default)]
pub(super) struct Delta<'a> {
    pub(super) plain: Words<'a>,
    pub(super) text: Words<'a>,
    pub(super) said: Said<'a>,
}

/// An element of `candidates`: its `content`.
#[derive(Debug, Default)]
pub(super) struct Candidate<'a> {
    content: Parts<'a>,
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
struct Parts<'a>(Listed<'a, Part<'a>>);

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

/// Reads any JSON into an empty place that is there already: frames are large, and moving their parts about would cost about
/// as much as reading them.
struct Filling<'p, T>(&'p mut T);

/// Reads the value of a member into `place`. A member that is there twice counts as it is the last time.
fn fill<'de, A: MapAccess<'de>, T: Take<'de>>(map: &mut A, place: &mut T) -> Result<(), A::Error> {
    *place = T::default();
    map.next_value_seed(Filling(place))
}

/// Reads the value of a member.
fn taken<'de, A: MapAccess<'de>, T: Take<'de>>(map: &mut A) -> Result<T, A::Error> {
    let mut value = T::default();
    map.next_value_seed(Filling(&mut value))?;
    Ok(value)
}

impl<'de, T: Take<'de>> DeserializeSeed<'de> for Filling<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Filling<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.opened();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if !self.0.member(&name, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        self.0.opened();
        while self.0.element(&mut array)? {}
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.0.text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.text(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_bool<E: Error>(self, boolean: bool) -> Result<(), E> {
        self.0.boolean(boolean);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.0.number(number);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

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

impl<'de, T: Take<'de> + Says<'de>> Take<'de> for Listed<'de, T> {
    fn element<A: SeqAccess<'de>>(&mut self, array: &mut A) -> Result<bool, A::Error> {
        let mut element = T::default();
        let is_there = array.next_element_seed(Filling(&mut element))?.is_some();
        if is_there {
            element.say(self.said.get_or_insert_default());
        }
        Ok(is_there)
    }
}

// === what each value takes ===

impl<'de> Take<'de> for Frame<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "type" => fill(map, &mut self.kind)?,
            "choices" => fill(map, &mut self.choices)?,
            "candidates" => fill(map, &mut self.candidates)?,
            "delta" => fill(map, &mut self.delta)?,
            "text" => fill(map, &mut self.text)?,
            "content" => fill(map, &mut self.content)?,
            "message" => fill(map, &mut self.message)?,
            "model" | "modelVersion" => fill(map, &mut self.model)?,
            "error" => fill(map, &mut self.error)?,
            "response" => fill(map, &mut self.response)?,
            "success" => fill(map, &mut self.success)?,
            "code" => fill(map, &mut self.code)?,
            "msg" | "detail" => fill(map, &mut self.note)?,
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
        let mut element = Part::default();
        if array.next_element_seed(Filling(&mut element))?.is_none() {
            return Ok(false);
        }
        Said::append(self, element.text);
        Ok(true)
    }
}

impl<'de> Take<'de> for Choice<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "delta" => fill(map, &mut self.delta)?,
            "message" => fill(map, &mut self.message)?,
            "text" => fill(map, &mut self.text)?,
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
        if name == "text" {
            fill(map, &mut self.text)?;
            return Ok(true);
        }
        self.said.member(name, map)
    }
}

impl<'de> Take<'de> for Said<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "content" => fill(map, &mut self.content)?,
            // A relay that sends both names sends the same words twice: the first non-empty one wins.
            "reasoning_content" | "reasoning" | "thinking" => {
                let words: Words<'de> = taken(map)?;
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
            fill(map, &mut self.content)?;
            return Ok(true);
        }
        Ok(false)
    }
}

impl<'de> Take<'de> for Parts<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "parts" {
            fill(map, &mut self.0)?;
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
            "text" => fill(map, &mut self.text)?,
            "thought" => self.thought = taken::<_, Scalar<'de>>(map)?.boolean == Some(true),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Says<'de> for Choice<'de> {
    fn say(self, said: &mut Said<'de>) {
        // The last is of relays that answer a streaming request with one whole completion in a frame.
        for content in [self.delta.content, self.text, self.message.content] {
            Said::append(&mut said.content, content);
        }
        Said::append(&mut said.reasoning, self.delta.reasoning);
    }
}

impl<'de> Says<'de> for Candidate<'de> {
    fn say(self, said: &mut Said<'de>) {
        let Parts(Listed { said: Some(own), .. }) = self.content else { return };
        Said::append(&mut said.content, own.content);
        Said::append(&mut said.reasoning, own.reasoning);
    }
}

impl<'de> Says<'de> for Part<'de> {
    fn say(self, said: &mut Said<'de>) {
        Said::append(if self.thought { &mut said.reasoning } else { &mut said.content }, self.text);
    }
}

impl<'de> Take<'de> for Message<'de> {
    fn text(&mut self, text: Cow<'de, str>) {
        self.text.0 = Some(text);
    }

    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "model" {
            fill(map, &mut self.model)?;
            return Ok(true);
        }
        Ok(false)
    }
}

impl<'de> Take<'de> for Response<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "model" => fill(map, &mut self.model)?,
            "error" => fill(map, &mut self.error)?,
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
            self.message = taken::<_, Words<'de>>(map)?.0;
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
