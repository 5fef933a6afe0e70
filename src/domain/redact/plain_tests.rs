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

#[test]
fn places_in_files_and_words_of_settings() {
    all_stay(&[
        "src/auth/token.rs:45:12",
        " --> src/token.rs:45:12\nat src/password.py:45, error in secrets.yml:12",
        "tests/api_key.go:12:3: undefined: x",
        "fetch(url, { credentials: 'include' })",
        "credentials: \"same-origin\"",
        "secrets: inherit",
        "{\"secrets\":\"inherit\"}",
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: my-secret1\n      key: password\n",
        "{\"name\":\"DB_PASSWORD\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"my-secret1\",\"key\":\"password\"}}}",
        "imagePullSecrets:\n  - name: registry1\n",
        "password: !secret db_password1",
        "{\"name\":\"token_parser\",\"content\":\"a text of 3 lines about nothing\"}",
        "{\"id\":\"secret-scanner\",\"data\":\"an article\"}",
        "see {\"name\":\"token_parser\",\"content\":\"a text of 3 lines\"} there",
    ]);
}

#[test]
fn places_to_put_a_value() {
    all_stay(&[
        "password: <your-token>",
        "API_KEY=YOUR_API_KEY",
        "api_key = \"your-api-key-here\"",
        "api_key: xxxx",
        "password: ${VAR}",
        "password: $(cmd)",
        "password: \"{{ .Values.password }}\"",
        "password: ***",
        "Authorization: Bearer <token>",
        "Authorization: Bearer $TOKEN",
        "-H \"Authorization: Bearer ${TOKEN}\"",
    ]);
    // It may be the one that is in use.
    assert!(!veiled(b"password: changeme").contains("changeme"));
}

#[test]
fn calls_lists_and_statements() {
    all_stay(&[
        "describe(\"password\", \"is long\")",
        "get(\"token\", \"the default\")",
        "t(\"password\", \"Your password\")",
        "Token(\"word\"), token(\"identifier\"), lookup_secret(\"name of it\")",
        "#define TOKEN_H \"token.h\"\n#define PASSWORD_MAX 64\n",
        "variable \"db_password\" {\n  type = string\n  sensitive = true\n}\nx = 1\n",
        "os.environ.get(\"API_KEY\")",
        "os.environ.get(\"API_KEY\", \"\")",
        "process.env.API_KEY || \"\"",
        "Dim password As String",
        "token <- read(channel)",
        "{:password password :token nil}",
        "INSERT INTO t (user, password) VALUES ($1, $2)",
        "INSERT INTO t (user, password) VALUES (?, crypt(?, gen_salt()))",
        "CREATE TABLE t (id int, password text, n int)",
        " name | password \n------+----------\n ada  | \n(1 row)",
        "Password\n--------\n\nThe rules for 12 words\n",
        "get-token | base64",
        "key | value",
        "aws ssm put-parameter --name n --value plain --type String",
        "kubectl create secret generic s --from-file=a.txt",
        "gh secret set DEPLOY < file.txt",
        "enable secret scanning, and password 7 of 9 is wrong",
        "The secret 5 minutes later. The password 8 characters long.",
        "WIFI:S:home;T:nopass;;",
        "costs $5$ or $6$ and $1$",
        "Write the seed phrase: it is what the wallet was made from and nobody else must ever see the words of it",
        "The mnemonic is made of words that everybody can learn, and it must not be lost.",
        "The password for the database is kept by two. The token of the parser is a word.",
        "ＴＯＫＥＮ ａｎｄ ＷＯＲＤ",
    ]);
}
