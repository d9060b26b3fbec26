#include "service/rules/statement.h"

#include <boost/json.hpp>

#include "service/rules/limits.h"
#include "service/rules/parser.h"

namespace dunlin::rules {
namespace {

Result<Parser> parser_of(std::string_view text) {
  if (text.size() > kMaxSqlBytes) return fail(Errc::limit_exceeded, "the statement is longer than 64 KiB");
  DUNLIN_TRY(std::vector<Token> tokens, model::tokenize_sql(text));
  return Parser(std::move(tokens));
}

void put_at(boost::json::object& output, const std::vector<std::string>& path, boost::json::value value) {
  boost::json::object* into = &output;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    boost::json::value& member = (*into)[path[i]];
    if (!member.is_object()) member = boost::json::object{};
    into = &member.get_object();
  }
  (*into)[path.back()] = std::move(value);
}

/// The place of the brace that closes a template's expression; braces of objects and inside texts do not.
std::size_t end_of_expression(std::string_view text, std::size_t at) {
  std::size_t open = 1;
  char quote = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '{') {
      ++open;
    } else if (c == '}' && --open == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Result<Statement> Statement::parse(std::string_view sql) {
  DUNLIN_TRY(Parser parser, parser_of(sql));
  return parser.statement();
}

Result<ExpressionPtr> parse_expression(std::string_view text) {
  DUNLIN_TRY(Parser parser, parser_of(text));
  return parser.lone_expression();
}

bool Statement::matches(const Context& context) const {
  return where_ == nullptr || as_boolean(where_->evaluate(context)).value_or(false);
}

bool Statement::passes_payload() const {
  return value_ == nullptr && items_.size() == 1 && items_[0].kind == Item::Kind::everything;
}

Value Statement::select(const Context& context) const {
  if (value_) return value_->evaluate(context);
  boost::json::object output;
  for (const Item& item : items_) {
    if (item.kind == Item::Kind::everything) {
      if (context.payload == nullptr || !context.payload->is_object()) continue;
      for (const auto& member : context.payload->get_object()) output[member.key()] = member.value();
      continue;
    }
    if (Value value = item.expression->evaluate(context)) put_at(output, item.path, *std::move(value));
  }
  return boost::json::value(std::move(output));
}

Result<Template> Template::parse(std::string_view text) {
  if (text.size() > kMaxTemplateBytes)
    return fail(Errc::limit_exceeded, "the text is longer than 4096 bytes");
  Template result;
  while (!text.empty()) {
    const std::size_t open = text.find("${");
    result.parts_.push_back({std::string(text.substr(0, open)), nullptr});
    if (open == std::string_view::npos) return result;
    const std::size_t close = end_of_expression(text, open + 2);
    if (close == std::string_view::npos) return fail(Errc::malformed, "a \"${\" has no closing \"}\"");
    DUNLIN_TRY(ExpressionPtr expression, parse_expression(text.substr(open + 2, close - open - 2)));
    result.parts_.push_back({{}, std::move(expression)});
    text.remove_prefix(close + 1);
  }
  return result;
}

std::string Template::render(const Context& context) const {
  std::string rendered;
  for (const Part& part : parts_) {
    rendered += part.expression ? as_text(part.expression->evaluate(context)).value_or("") : part.text;
    if (rendered.size() > kMaxResultBytes) break;
  }
  return rendered;
}

std::string Template::literal_text() const {
  std::string text;
  for (const Part& part : parts_) text += part.text;
  return text;
}

}  // namespace dunlin::rules
