//! JSON objects read strictly: never an array, no member twice.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor,
    value::MapAccessDeserializer,
};

/// A type whose JSON form is an object that no two parsers can read differently.
pub(crate) trait StrictObject<'de>: Sized {
    /// Members that must not appear.
    const FORBIDDEN: &'static [&'static str] = &[];

    /// Serde's derived code.
    fn derived<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error>;
}

/// Reads an object, refusing an array, a repeated member and a forbidden one.
///
/// Derived code by itself takes an array for a struct and lets an unknown member repeat.
pub(crate) fn read<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: StrictObject<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: StrictObject<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        let seen = Vec::with_capacity(16);
        T::derived(MapAccessDeserializer::new(Unique {
            members,
            seen,
            forbidden: T::FORBIDDEN,
        }))
    }
}

struct Unique<'de, A> {
    members: A,
    seen: Vec<Cow<'de, str>>,
    forbidden: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Unique<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.members.next_key_seed(Name)? else {
            return Ok(None);
        };
        if self.seen.contains(&name) || self.forbidden.contains(&&*name) {
            return Err(A::Error::custom("a member is repeated or forbidden"));
        }
        let key = seed.deserialize((&*name).into_deserializer())?;
        self.seen.push(name);
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

/// Reads a member's name where it stands, unless it is written with escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
