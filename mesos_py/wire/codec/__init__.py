"""The three encodings of messages: json and protobuf for frameworks and operators, msgpack between our own programs."""
