#include "service/rules/offline.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/core/utf8.h"
#include "hub/topic.h"
#include "service/rules/basic_ingest.h"
#include "service/rules/conversion.h"
#include "service/rules/limits.h"
#include "service/rules/template.h"

namespace dunlin::rules {

struct CaseEvaluator::Case {
  std::string head;  // of the answer: {"id":..,
  std::optional<std::string> sql;
  std::optional<std::string> text;
  std::string topic;
  std::string payload;
  std::string client_id;
  std::string rule;
  enum class Invoked : std::uint8_t { by_topic, by_name } invoked = Invoked::by_topic;
};

namespace {

std::string error_of(const std::string& head, std::string_view why) {
  std::string answer = head + "\"error\":";
  append_json_text(why, answer);
  return answer + "}";
}

std::string head_of(Value id) {
  std::string head = "{";
  if (id.is_undefined()) return head;
  head += "\"id\":";
  append_json(id, head, kMaxCaseBytes);
  return head + ",";
}

Result<std::optional<std::string>> text_of(Value given, std::string_view name) {
  const Value member = member_of(given, name);
  if (member.is_undefined()) return std::optional<std::string>();
  if (!member.is_text()) return fail(Errc::malformed, "\"" + std::string(name) + "\" is a text");
  return std::string(member.characters());
}

/// Bytes that JSON has no text for are base64.
void append_bytes(std::string_view bytes, std::string& out) {
  if (is_valid_utf8(bytes)) {
    out += "\"output\":";
    append_json_text(bytes, out);
  } else {
    out += "\"output_base64\":\"" + to_base64(as_bytes(bytes)) + "\"";
  }
}

}  // namespace

Result<CaseEvaluator::Case> CaseEvaluator::read(std::string_view line) {
  if (line.size() > kMaxCaseBytes) return fail(Errc::limit_exceeded, "the line is longer than 1 MiB");
  arena_.reset();
  const Value given = reader_.read(line, arena_);
  if (!given.is_object()) return fail(Errc::malformed, "the line is no JSON object");
  Case made;
  made.head = head_of(member_of(given, "id"));
  DUNLIN_TRY(made.sql, text_of(given, "sql"));
  DUNLIN_TRY(made.text, text_of(given, "template"));
  if (made.sql.has_value() == made.text.has_value())
    return fail(Errc::malformed, "a case has either \"sql\" or \"template\"");
  DUNLIN_TRY(auto topic, text_of(given, "topic"));
  DUNLIN_TRY(auto client_id, text_of(given, "client_id"));
  DUNLIN_TRY(auto rule, text_of(given, "rule_name"));
  DUNLIN_TRY(auto raw, text_of(given, "payload_raw"));
  made.topic = topic.value_or("");
  made.client_id = client_id.value_or("");
  made.rule = rule.value_or("");
  if (raw) {
    made.payload = *std::move(raw);
  } else {
    append_json(member_of(given, "payload"), made.payload, kMaxCaseBytes);
  }
  if (const auto ingest = basic_ingest_of(made.topic);
      ingest && (made.rule.empty() || made.rule == ingest->rule)) {
    made.topic = std::string(ingest->topic);
    made.invoked = Case::Invoked::by_name;
  }
  return made;
}

std::string CaseEvaluator::evaluate(std::string_view line) {
  const auto given = read(line);
  if (!given) {
    ++unreadable_;
    const Value document = line.size() > kMaxCaseBytes ? Value() : reader_.read(line, arena_);
    return error_of(head_of(member_of(document, "id")), given.error().message);
  }
  return given->sql ? run_statement(*given) : run_template(*given);
}

void CaseEvaluator::begin(const Case& given) {
  Context context;
  context.payload = as_bytes(given.payload);
  context.topic = given.topic;
  context.client_id = given.client_id;
  context.received_at = clock_.wall_now();
  machine_.begin(context);
}

std::string CaseEvaluator::run_statement(const Case& given) {
  const auto statement = Statement::parse(*given.sql, language_);
  if (!statement) return error_of(given.head, statement.error().message);
  // Without a topic there is nothing that FROM could be compared with.
  const bool is_wanted =
      given.invoked == Case::Invoked::by_name || given.topic.empty() ||
      (!statement->filter().empty() && hub::filter_matches(statement->filter(), given.topic));
  begin(given);
  const bool matches = is_wanted && statement->matches(machine_);
  if (is_wanted && machine_.stopped())
    return error_of(given.head, "the statement needs more steps or memory than one may have");
  return matches ? fired(*statement, given) : given.head + "\"fired\":false}";
}

std::string CaseEvaluator::fired(const Statement& statement, const Case& given) {
  std::string answer = given.head + "\"fired\":true,";
  if (statement.passes_payload()) {
    if (machine_.payload().is_undefined()) {
      append_bytes(given.payload, answer);
    } else {
      answer += "\"output\":" + given.payload;
    }
    return answer + "}";
  }
  const Value output = statement.select(machine_);
  if (machine_.stopped())
    return error_of(given.head, "the statement needs more steps or memory than one may have");
  // Undefined alone is the empty text.
  answer += "\"output\":";
  if (!append_json(output.is_undefined() ? Value::text("") : output, answer, kMaxOutputBytes))
    return error_of(given.head, "what SELECT gives is longer than 1 MiB");
  return answer + "}";
}

std::string CaseEvaluator::run_template(const Case& given) {
  const auto text = Template::parse(*given.text, {}, language_);
  if (!text) return error_of(given.head, text.error().message);
  begin(given);
  machine_.start({}, {});
  std::string answer = given.head + "\"string\":";
  append_json_text(text->render(machine_), answer);
  return answer + "}";
}

}  // namespace dunlin::rules
