//! Ordinary code, prose and data, of which nothing may be hidden.

use serde_json::json;

use super::tests::veiled;

fn all_stay(texts: &[&str]) {
    for text in texts {
        assert_eq!(veiled(text.as_bytes()), *text);
        let log = json!({ "log": text }).to_string();
        assert_eq!(veiled(log.as_bytes()), log);
    }
}

#[test]
fn code_that_speaks_of_secrets() {
    all_stay(&[
        "let token = parser.next();",
        "let token = self.next_token()?;",
        "password: String,",
        "password: Option<String>,",
        "pub fn login(user: &str, password: &str) -> Result<Token, Error> {",
        "fn token(&self) -> Token {\n    self.token\n}\n",
        "key = value.trim()",
        "const token: string | null = null;",
        "let api_key: &str = env!(\"API_KEY_FILE\");",
        "struct Login {\n    password: String,\n    token: Option<Token>,\n}\n",
        "class Token:\n    \"\"\"One word of a source.\"\"\"\n    pass\n",
        "class Token:\n    def __init__(self):\n        pass\n",
        "if not password:\n    raise ValueError\n",
        "case Token:\n    break;\n",
        "match token {\n    Token::Word(word) => word,\n}\n",
        "let tokens: Vec<Token> = lex(text);\nfor token in tokens {}\n",
        "  authorization: false,\n  cookie: true;\n  proxy_authorization: None,",
        "password = getpass.getpass()",
        "password = input(prompt)",
        "if (token === other) { return token; }",
        "token = token::Brace",
        "const password = await ask();",
        "const token = async () => {};",
        "for token in tokens: yield token",
        "secret_key = settings.SECRET_KEY",
        "API_KEY=$(cat key.txt)",
        "API_KEY=${API_KEY}",
        "PASSWORD=<your password>",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "type Props = { token: string; password?: string };",
        "<Token>\n  <Word/>\n</Token>",
        "Vec<Token> and HashMap<Secret, usize>",
        "<label for=\"password\">Password</label>",
        "<input type=\"password\" name=\"password\" placeholder=\"Your password\">",
        "<span class=\"token keyword\">const</span>",
    ]);
}

#[test]
fn settings_counts_and_ids() {
    all_stay(&[
        "max_tokens: 4096",
        "max_tokens = 4096, input_tokens=1234567, tokens: 12",
        "tokens: 12k of 200k",
        "{\"tokens\":[\"the\",\"quick\",\"fox\"],\"total_tokens\":12}",
        "{\"tokens\":12,\"keys\":[\"id\",\"name\"],\"pass\":12,\"fail\":0}",
        "{\"pass\":\"yes\",\"key\":\"main\",\"session\":\"blue\"}",
        "pass: 12 fail: 0",
        "model: claude-sonnet-4-5-20250929",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "id: 550e8400-e29b-41d4-a716-446655440000",
        "{\"name\":\"token_count\",\"value\":\"12\"}",
        "{\"name\":\"main\",\"value\":\"blue\"}",
        "{\"kind\":\"ConfigMap\",\"data\":{\"user\":\"ada\"}}",
        "kind: ConfigMap\ndata:\n  user: ada\n",
    ]);
}

#[test]
fn prose_commands_and_tables() {
    all_stay(&[
        "The password is kept by two. Which token comes next?",
        "| field | type | about |\n|---|---|---|\n| password | string | The password of the user |\n| token | string | What the server gave |\n",
        "| name | tokens |\n|---|---|\n| one | 4096 |\n",
        "user, token, index\nfor one, two, three\n",
        "mysql -u root -p shop",
        "mkdir -p target/debug && cp -a one two",
        "docker run -p 8080:80 -a stdout image",
        "grep -b needle file; ls -a; tar -k",
        "ssh -p 2222 ada.example.com",
        "curl -u ada https://example.com",
        "echo done | sudo tee file",
        "src/parser.rs:5432:7: note",
        "http://localhost:8080/@vite/client and http://localhost:3000/a@b",
        "SELECT password FROM users WHERE name = 'ada'",
        "set -x\nsetx PATH one",
        "the machine is the default, login with a password",
        "echo hello | sort",
        "The token is word2 or int32, the password is required and the secret - if any - stays.",
        "built with openssl3.0",
        "and so does mysql8",
        "openssl rsa -passin env:KEY",
    ]);
}
