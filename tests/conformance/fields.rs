//! Which header fields an answer must have, or must not.

/// A field of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Of RFC 9110.
    pub(crate) section: &'static str,
    pub(crate) status: u16,
    /// Lower case.
    pub(crate) name: &'static str,
    pub(crate) is_there: bool,
    /// Why nginx does the opposite.
    pub(crate) differs: Option<&'static str>,
}

impl Field {
    const fn but_nginx_does_not(mut self, why: &'static str) -> Self {
        self.differs = Some(why);
        self
    }
}

const fn has(section: &'static str, status: u16, name: &'static str) -> Field {
    let (is_there, differs) = (true, None);
    Field {
        section,
        status,
        name,
        is_there,
        differs,
    }
}

const fn lacks(section: &'static str, status: u16, name: &'static str) -> Field {
    let mut field = has(section, status, name);
    field.is_there = false;
    field
}

/// Method and headers of a request that is answered so.
pub(crate) fn request_for(status: u16) -> (&'static str, &'static [&'static str]) {
    match status {
        200 => ("GET", &[]),
        206 => ("GET", &["Range: bytes=0-9", "If-Range: {etag}"]),
        304 => ("GET", &["If-None-Match: {etag}"]),
        405 => ("DELETE", &[]),
        412 => ("GET", &["If-Match: \"x\""]),
        416 => ("GET", &["Range: bytes=10000-"]),
        other => panic!("no request is answered with {other}"),
    }
}

const NO_CACHING: &str =
    "what a token brought is nobody's to keep; as configured here, nginx says nothing of caching";

pub(crate) const FIELDS: &[Field] = &[
    has("6.6.1", 200, "date"),
    has("6.6.1", 206, "date"),
    has("6.6.1", 304, "date"),
    has("6.6.1", 412, "date"),
    has("6.6.1", 416, "date"),
    has("8.8.2.1", 200, "last-modified"),
    has("8.8.3", 200, "etag"),
    has("8.3", 200, "content-type"),
    has("14.3", 200, "accept-ranges"),
    has("5.2.3 of RFC 9111", 200, "cache-control").but_nginx_does_not(NO_CACHING),
    // Whatever a 200 would have of these, a 206 has.
    has("15.3.7", 206, "etag"),
    has("15.3.7", 206, "cache-control").but_nginx_does_not(NO_CACHING),
    lacks("15.3.7", 206, "content-location"),
    lacks("15.3.7", 206, "expires"),
    lacks("15.3.7", 206, "vary"),
    // More "SHOULD NOT" be repeated to who asks with If-Range. Both do: browsers take the name and
    // the validators of a download from its latest answer.
    has("15.3.7", 206, "last-modified"),
    has("15.3.7", 206, "content-type"),
    has("15.4.5", 304, "etag"),
    has("15.4.5", 304, "cache-control").but_nginx_does_not(NO_CACHING),
    lacks("15.4.5", 304, "last-modified").but_nginx_does_not(
        "only the listed fields \"SHOULD\" come, and the ETag is the better validator",
    ),
    lacks("15.4.5", 304, "content-type"),
    lacks("8.6", 304, "content-length"),
    lacks("8.6", 304, "transfer-encoding"),
    has("15.5.6", 405, "allow")
        .but_nginx_does_not("it leaves out what an origin server \"MUST\" say"),
    lacks("15.5.13", 412, "content-range"),
    has("15.5.17", 416, "content-range"),
    has("14.3", 416, "accept-ranges")
        .but_nginx_does_not("saying once more that ranges work is our courtesy"),
];
