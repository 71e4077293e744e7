//! JSON that somebody has got wrong: valid and hard, or invalid and tempting. The shape of JSONTestSuite, as cases of our own.

/// Valid by RFC 8259, and hard for somebody.
pub fn valid() -> Vec<Vec<u8>> {
    let texts = [
        "0",
        "-0",
        "1",
        "-1",
        "1e1",
        "1E+2",
        "1.5e-300",
        "1e400",
        "-1e-400",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827021181583404541015625",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"\":0}",
        "{\"a\":1,\"a\":2,\"a\":{}}",
        "{\"a\":{\"a\":{\"a\":null}}}",
        " [ 1 , 2 ] ",
        "\r\n\t{\r\n\t\"a\"\r\n:\t1}\n\n",
        "\"\\u0000\"",
        "{\"\\u0000\":\"\\u0000\"}",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\\udbff\\udfff\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u005C\\u005c\"",
        "\"€𝄞\"",
        "\"\u{7f}\"",
        "\"\u{85}\u{2028}\u{2029}\"",
        "\"\u{feff}\"",
        "\"\u{fffe}\u{ffff}\u{10ffff}\"",
        "\u{feff}{\"bom\":true}",
        "[1,\n2]",
        "\"<script>alert(1)</script>\"",
        "{\"__proto__\":{},\"constructor\":1}",
        "[\"a\",null,1e0,{}]",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes());
    bodies.push(format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)).into_bytes());
    bodies.push(format!("[{}0]", "0,".repeat(200_000)).into_bytes());
    bodies.push(format!("\"{}\"", "x".repeat(1_000_000)).into_bytes());
    bodies.push(format!("1{}", "0".repeat(500_000)).into_bytes());
    bodies
        .push(format!("{{{}\"z\":1}}", (0..30_000).map(|i| format!("\"k{i}\":{i},")).collect::<String>()).into_bytes());
    bodies.push([b"\"".as_slice(), &b" ".repeat(1 << 20)[..(1 << 20) - 2], b"\""].concat());
    bodies
}

/// Not JSON, however much it looks like it.
pub fn invalid() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[,1]",
        "[1,]",
        "[1,,2]",
        "[1 2]",
        "[1}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}}",
        "{} {}",
        "1 2",
        "nul",
        "Null",
        "TRUE",
        "tru",
        "truee",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "+1",
        "01",
        "-01",
        "1.",
        ".1",
        "1.e1",
        "1e",
        "1e+",
        "-",
        "--1",
        "0x1",
        "1_000",
        "1,000",
        "'a'",
        "\"a",
        "a\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u{1}\"",
        "\"\t\"",
        "\"\n\"",
        "\"\u{0}\"",
        "\u{0}",
        "1\u{0}",
        "// c\n1",
        "/* c */ 1",
        "1 // c",
        "<a>",
        "\u{feff}",
        "\u{feff}\u{feff}1",
        "1\u{a0}",
        "\u{2028}1",
        "undefined",
        "()",
        "\"a\" \"b\"",
        "[\"a\":1]",
        "{\"a\":1,\"b\"}",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    for bytes in [
        b"\"\xff\"".as_slice(),
        b"\"\xc0\x80\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\xe2\x82\"",
        b"\xfe\xff\x00{",
        b"{\x00}\x00",
        b"\xff",
        b"[\"\x80\"]",
    ] {
        bodies.push(bytes.to_vec());
    }
    bodies.push("[".repeat(500_000).into_bytes());
    bodies.push("{\"a\":".repeat(100_000).into_bytes());
    bodies
}
