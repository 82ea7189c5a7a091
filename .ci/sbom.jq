# From `cargo metadata` to a bill of materials (CycloneDX 1.6): what the two servers link.

def reached($from; $edges):
  {seen: {}, next: $from}
  | until(.next == [];
      .seen += ([.next[] | {(.): true}] | add // {})
      | .seen as $seen
      | .next = ([.next[] | $edges[.][]] | unique | map(select($seen[.] | not))))
  | .seen;

([.packages[] | select(.name == "app-server" or .name == "download-server") | .id]) as $servers
| ([.resolve.nodes[]
    | {(.id): [.deps[] | select(any(.dep_kinds[]; .kind == null)) | .pkg]}] | add) as $edges
| reached($servers; $edges) as $linked
| {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    components: [
      .packages[]
      | select($linked[.id] and .source != null)
      | {
          type: "library",
          name,
          version,
          purl: "pkg:cargo/\(.name)@\(.version)",
          licenses: [{expression: .license}]
        }
    ]
  }
