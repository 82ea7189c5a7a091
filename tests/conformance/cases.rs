//! What may be asked of a file, and the answers.
//!
//! Headers are written as they are sent; `{etag}` and `{last_modified}` are what the asked server
//! said on HEAD. The file has 10,000 bytes; [`crate::summary`] says what the answers mean.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// 10,000 bytes.
    File,
    /// No byte.
    Empty,
    /// A file that should be there and is not.
    Missing,
}

/// One request and its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// Of RFC 9110.
    pub(crate) section: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: Target,
    pub(crate) lines: &'static [&'static str],
    pub(crate) ours: &'static str,
    /// nginx's answer where it is another, and why.
    differs: Option<(&'static str, &'static str)>,
}

impl Case {
    /// nginx's answer.
    pub(crate) fn nginx(&self) -> &'static str {
        self.differs.map_or(self.ours, |(answer, _)| answer)
    }

    /// True where the same answer is called a difference, or a difference has no reason.
    pub(crate) fn explains_nothing(&self) -> bool {
        self.differs
            .is_some_and(|(answer, why)| answer == self.ours || why.is_empty())
    }

    const fn but_nginx(mut self, answer: &'static str, why: &'static str) -> Self {
        self.differs = Some((answer, why));
        self
    }

    const fn of(mut self, target: Target) -> Self {
        self.target = target;
        self
    }
}

const fn get(section: &'static str, lines: &'static [&'static str], ours: &'static str) -> Case {
    Case {
        section,
        method: "GET",
        target: Target::File,
        lines,
        ours,
        differs: None,
    }
}

const fn head(section: &'static str, lines: &'static [&'static str], ours: &'static str) -> Case {
    let mut case = get(section, lines, ours);
    case.method = "HEAD";
    case
}

const fn ask(method: &'static str, section: &'static str, ours: &'static str) -> Case {
    let mut case = get(section, &[], ours);
    case.method = method;
    case
}

const SECOND_LINE: &str = "it calls a second line of any of these headers malformed, lists too";
const LOOSE_DATE: &str =
    "it reads a date at the beginning and forgives the rest; what is no date \"MUST\" be ignored";
const OVERFLOW: &str =
    "it gives up where 64 bits are not enough; a recipient \"MUST\" expect large numbers";
const REJECTS: &str =
    "what is no range a server \"MAY\" ignore or reject; the whole file serves its client better";
const NO_JOINING: &str =
    "it joins nothing; a server \"MAY\" where parts overlap or a gap costs less than a part";

// A row a request, and a line for what nginx does differently.
#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // Without conditions.
    get("15.3.1", &[], "200 whole"),
    head("9.3.2", &[], "200 head"),
    get("15.3.1", &[], "200 whole").of(Target::Empty),
    ask("POST", "15.5.6", "405"),
    ask("PUT", "15.5.6", "405"),
    ask("DELETE", "15.5.6", "405"),
    ask("OPTIONS", "15.5.6", "405"),
    // If-Match: strong comparison.
    get("13.1.1", &["If-Match: {etag}"], "200 whole"),
    head("13.1.1", &["If-Match: {etag}"], "200 head"),
    get("13.1.1", &["If-Match: *"], "200 whole"),
    get("13.1.1", &["If-Match: \"x\""], "412"),
    head("13.1.1", &["If-Match: \"x\""], "412"),
    get("13.1.1", &["If-Match: \"x\", {etag}"], "200 whole"),
    get("13.1.1", &["If-Match: \"x\",,\t{etag} ,"], "200 whole"),
    get("13.1.1", &["If-Match: \"x\"", "If-Match: {etag}"], "200 whole")
        .but_nginx("400", SECOND_LINE),
    get("8.8.3.2", &["If-Match: W/{etag}"], "412"),
    get("8.8.3.2", &["If-Match: W/\"x\", {etag}"], "200 whole"),
    get("8.8.3", &["If-Match: \"x,y\", {etag}"], "200 whole"),
    get("8.8.3", &["If-Match: \"é\", {etag}"], "200 whole"),
    get("13.1.1", &["If-Match: x"], "412"),
    get("13.1.1", &["If-Match: \"x\" {etag}"], "412"),
    get("13.1.1", &["If-Match: \"x\", *"], "412"),
    get("13.1.1", &["If-Match: "], "412"),
    // If-None-Match: weak comparison.
    get("13.1.2", &["If-None-Match: {etag}"], "304"),
    head("13.1.2", &["If-None-Match: {etag}"], "304"),
    get("13.1.2", &["If-None-Match: *"], "304"),
    get("13.1.2", &["If-None-Match: \"x\""], "200 whole"),
    get("13.1.2", &["If-None-Match: \"x\", {etag}"], "304"),
    get("13.1.2", &["If-None-Match: \"x\"", "If-None-Match: {etag}"], "304")
        .but_nginx("400", SECOND_LINE),
    get("8.8.3.2", &["If-None-Match: W/{etag}"], "304"),
    get("8.8.3", &["If-None-Match: w/{etag}"], "200 whole"),
    get("13.1.2", &["If-None-Match: \"x\", *"], "200 whole"),
    get("13.1.2", &["If-None-Match: "], "200 whole"),
    // If-Modified-Since.
    get("13.1.3", &["If-Modified-Since: {last_modified}"], "304"),
    head("13.1.3", &["If-Modified-Since: {last_modified}"], "304"),
    get("13.1.3", &["If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], "200 whole"),
    get("13.1.3", &["If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT"], "304")
        .but_nginx("200 whole",
            "its default asks for the very date; a file was not modified after a later one either"),
    get("5.6.7", &["If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT"], "304"),
    get("5.6.7", &["If-Modified-Since: Tue Nov 14 22:13:20 2023"], "304"),
    get("5.6.7", &["If-Modified-Since: Tuesday, 14-Nov-90 22:13:20 GMT"], "200 whole"),
    get("13.1.3", &["If-Modified-Since: yesterday"], "200 whole"),
    get("13.1.3", &["If-Modified-Since: Tue, 14 Nov 2023 22:13:20 +0000"], "200 whole")
        .but_nginx("304", LOOSE_DATE),
    get("13.1.3", &["If-Modified-Since: {last_modified}, {last_modified}"], "200 whole")
        .but_nginx("304", LOOSE_DATE),
    get("13.1.3", &["If-Modified-Since: {last_modified}", "If-Modified-Since: {last_modified}"], "200 whole")
        .but_nginx("400", SECOND_LINE),
    // If-Unmodified-Since.
    get("13.1.4", &["If-Unmodified-Since: {last_modified}"], "200 whole"),
    get("13.1.4", &["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], "412"),
    head("13.1.4", &["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], "412"),
    get("13.1.4", &["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:21 GMT"], "200 whole"),
    get("13.1.4", &["If-Unmodified-Since: Wed, 31 Dec 1969 23:59:59 GMT"], "412"),
    get("5.6.7", &["If-Unmodified-Since: Tuesday, 14-Nov-23 22:13:19 GMT"], "412"),
    get("5.6.7", &["If-Unmodified-Since: Tue Nov 14 22:13:19 2023"], "412"),
    get("13.1.4", &["If-Unmodified-Since: yesterday"], "200 whole")
        .but_nginx("412", "it takes no date for the earliest one; what is no date \"MUST\" be ignored"),
    get("13.1.4", &["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT, x"], "200 whole")
        .but_nginx("412", LOOSE_DATE),
    // If-Range.
    get("13.1.5", &["If-Range: {etag}", "Range: bytes=0-9"], "206 0-9"),
    get("13.1.5", &["If-Range: {etag}", "Range: bytes=0-9,5000-5009"], "206 multipart 0-9 5000-5009"),
    get("13.1.5", &["If-Range: \"x\"", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: W/{etag}", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: *", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: {etag}, \"x\"", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: {last_modified}", "Range: bytes=0-9"], "206 0-9"),
    get("13.1.5", &["If-Range: Tue, 14 Nov 2023 22:13:19 GMT", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: Tue, 14 Nov 2023 22:13:21 GMT", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: Tuesday, 14-Nov-23 22:13:20 GMT", "Range: bytes=0-9"], "206 0-9"),
    get("13.1.5", &["If-Range: yesterday", "Range: bytes=0-9"], "200 whole"),
    get("13.1.5", &["If-Range: {etag}"], "200 whole"),
    get("13.1.5", &["If-Range: \"x\"", "Range: bytes=10000-"], "200 whole"),
    get("13.1.5", &["If-Range: {etag}", "Range: bytes=10000-"], "416 */10000"),
    // Their order.
    get("13.2.1", &["If-None-Match: *"], "503").of(Target::Missing)
        .but_nginx("404",
            "a link that was signed for a file is right even while the file is missing, so it may be tried again"),
    get("13.2.1", &["If-Match: \"x\""], "503").of(Target::Missing)
        .but_nginx("404", "as above"),
    get("13.2.2", &["If-Match: {etag}", "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], "200 whole")
        .but_nginx("412", "it looks at both; beside If-Match the date \"MUST\" be ignored"),
    get("13.2.2", &["If-Match: \"x\"", "If-Unmodified-Since: {last_modified}"], "412"),
    get("13.2.2", &["If-None-Match: \"x\"", "If-Modified-Since: {last_modified}"], "200 whole"),
    get("13.2.2", &["If-None-Match: {etag}", "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], "304")
        .but_nginx("200 whole", "it wants both to hold; beside If-None-Match the date \"MUST\" be ignored"),
    get("13.2.2", &["If-None-Match: ", "If-Modified-Since: {last_modified}"], "200 whole"),
    get("13.2.2", &["If-Match: \"x\"", "If-None-Match: {etag}"], "412"),
    get("13.2.2", &["If-Match: {etag}", "If-None-Match: {etag}"], "304"),
    get("13.2.2", &["If-Match: {etag}", "If-Modified-Since: {last_modified}"], "304"),
    get("13.2.2", &["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT", "If-None-Match: {etag}"], "412"),
    get("13.2.2", &["If-None-Match: {etag}", "Range: bytes=0-9"], "304"),
    get("13.2.2", &["If-None-Match: {etag}", "Range: bytes=10000-"], "304"),
    get("13.2.2", &["If-Match: \"x\"", "Range: bytes=10000-"], "412"),
    get("13.2.2", &["If-Match: {etag}", "Range: bytes=0-9"], "206 0-9"),
    get("13.2.2", &["If-Match: {etag}", "If-Range: \"x\"", "Range: bytes=0-9"], "200 whole"),
    // One range.
    get("14.1.2", &["Range: bytes=0-9"], "206 0-9"),
    get("14.1.2", &["Range: bytes=9990-"], "206 9990-9999"),
    get("14.1.2", &["Range: bytes=0-"], "206 0-9999"),
    get("14.1.2", &["Range: bytes=9990-10000"], "206 9990-9999"),
    get("14.1.2", &["Range: bytes=-10"], "206 9990-9999"),
    get("14.1.2", &["Range: bytes=-10000"], "206 0-9999"),
    get("14.1.2", &["Range: bytes=-10001"], "206 0-9999"),
    get("14.1.2", &["Range: bytes=00-0009"], "206 0-9"),
    get("14.1.2", &["Range: bytes=0-99999999999999999999"], "206 0-9999")
        .but_nginx("416 */10000", OVERFLOW),
    get("14.1.2", &["Range: bytes=-99999999999999999999"], "206 0-9999")
        .but_nginx("416 */10000", OVERFLOW),
    get("14.1", &["Range: BYTES=0-9"], "206 0-9"),
    get("5.6.1.2", &["Range: bytes=,0-9 ,"], "206 0-9")
        .but_nginx("416 */10000", "it knows no empty elements; a recipient \"MUST\" ignore some"),
    get("5.6.1.2", &["Range: bytes= 0-9"], "206 0-9"),
    head("14.2", &["Range: bytes=0-9"], "200 head")
        .but_nginx("206 head", "to any method but GET a Range \"MUST\" mean nothing"),
    head("14.2", &["Range: bytes=10000-"], "200 head")
        .but_nginx("416 */10000", "as above"),
    // What is no range.
    get("14.2", &["Range: lines=0-9"], "200 whole"),
    get("14.2", &["Range: bytes"], "200 whole"),
    get("14.1.1", &["Range: bytes="], "200 whole"),
    get("14.1.1", &["Range: bytes=-"], "200 whole")
        .but_nginx("416 */10000", REJECTS),
    get("14.1.1", &["Range: bytes=9-0"], "200 whole")
        .but_nginx("416 */10000", REJECTS),
    get("14.1.1", &["Range: bytes=x-9"], "200 whole")
        .but_nginx("416 */10000", REJECTS),
    get("14.1.1", &["Range: bytes=0-9x"], "200 whole")
        .but_nginx("416 */10000", REJECTS),
    get("14.1.1", &["Range: bytes=0 - 9"], "200 whole")
        .but_nginx("206 0-9", "it allows spaces where the grammar has none"),
    get("14.1.1", &["Range: bytes=0-9,9-0"], "200 whole")
        .but_nginx("206 0-9", "it leaves out the one that is none; ours ignores a set that is not one"),
    get("14.1.1", &["Range: bytes=0-9;20-29"], "200 whole")
        .but_nginx("416 */10000", REJECTS),
    get("14.2", &["Range: bytes=0-9", "Range: bytes=500-509"], "200 whole")
        .but_nginx("206 0-9", "it takes the first; two lines make one value, which is no range"),
    // What is not there.
    get("15.5.17", &["Range: bytes=10000-"], "416 */10000"),
    get("15.5.17", &["Range: bytes=10000-10009"], "416 */10000"),
    get("15.5.17", &["Range: bytes=99999999999999999999-"], "416 */10000"),
    get("14.1.2", &["Range: bytes=-0"], "416 */10000"),
    get("15.5.17", &["Range: bytes=10000-,-0"], "416 */10000"),
    get("15.5.17", &["Range: bytes=0-"], "416 */0").of(Target::Empty)
        .but_nginx("200 whole", "it knows no ranges of nothing; a first byte that is not there cannot be satisfied"),
    get("14.1.2", &["Range: bytes=-1"], "200 whole").of(Target::Empty),
    // Several ranges.
    get("15.3.7.2", &["Range: bytes=0-9,5000-5009"], "206 multipart 0-9 5000-5009"),
    get("15.3.7.2", &["Range: bytes=-10,5000-5009, 0-9"], "206 multipart 9990-9999 5000-5009 0-9"),
    get("15.3.7.2", &["Range: bytes=0-9,5000-5009,10000-"], "206 multipart 0-9 5000-5009"),
    get("15.3.7.2", &["Range: bytes=0-9,10000-"], "206 0-9"),
    get("15.3.7.2", &["Range: bytes=0-9,-0"], "206 0-9"),
    get("15.3.7.2", &["Range: bytes=0-9,10-19"], "206 0-19")
        .but_nginx("206 multipart 0-9 10-19", NO_JOINING),
    get("15.3.7.2", &["Range: bytes=10-19,0-14"], "206 0-19")
        .but_nginx("206 multipart 10-19 0-14", NO_JOINING),
    get("15.3.7.2", &["Range: bytes=0-9,89-99"], "206 0-99")
        .but_nginx("206 multipart 0-9 89-99", NO_JOINING),
    get("15.3.7.2", &["Range: bytes=0-9,90-99"], "206 multipart 0-9 90-99"),
    get("15.3.7.2", &["Range: bytes=5000-5009,0-9,5005-5019"], "206 multipart 5000-5019 0-9")
        .but_nginx("206 multipart 5000-5009 0-9 5005-5019", NO_JOINING),
    get("14.2", &["Range: bytes=0-,0-,0-"], "206 0-9999")
        .but_nginx("200 whole", "its bound is the sum of the ranges; ours joins them first"),
    get("14.2", &["Range: bytes=0-4950,5050-"], "200 whole")
        .but_nginx("206 multipart 0-4950 5050-9999", "its answer is longer than the file; ours never is"),
    get("14.2", &["Range: bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,\
        0-,0-,0-,0-,0-"], "200 whole"),
];
