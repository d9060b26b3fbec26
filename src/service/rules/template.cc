#include "service/rules/template.h"

#include <algorithm>

#include "service/rules/compiler.h"
#include "service/rules/conversion.h"
#include "service/rules/limits.h"
#include "service/rules/parser.h"

namespace dunlin::rules {
namespace {

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

/// The expression where it stands, with blanks before it, so that errors name its place in the whole text.
std::string in_its_place(std::string_view text, std::size_t begin, std::size_t end) {
  std::string placed(text.substr(0, end));
  std::replace_if(
      placed.begin(), placed.begin() + static_cast<std::ptrdiff_t>(begin), [](char c) { return c != '\n'; },
      ' ');
  return placed;
}

}  // namespace

Result<Template> Template::parse(std::string_view text, const std::vector<std::string>& variables,
                                 const Environment& environment) {
  if (text.size() > kMaxTemplateBytes)
    return fail(Errc::limit_exceeded, "the text is longer than 4096 bytes");
  Template result;
  Compiler compiler(environment.paths, variables);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("${", at);
    result.text_ += text.substr(at, open == std::string_view::npos ? open : open - at);
    if (open == std::string_view::npos) break;
    const std::size_t close = end_of_expression(text, open + 2);
    if (close == std::string_view::npos)
      return fail(Errc::malformed, "the \"${\" at " + model::sql_line(text, open) + " has no closing \"}\"");
    const std::string placed = in_its_place(text, open + 2, close);
    DUNLIN_TRY(Parser parser, Parser::of(placed, {variables, environment.externals}));
    DUNLIN_TRY(const Expression expression, parser.lone_expression());
    result.parts_.push_back({result.text_.size(), compiler.block(expression)});
    at = close + 1;
  }
  result.text_.shrink_to_fit();
  result.parts_.shrink_to_fit();
  if (!result.parts_.empty()) result.program_ = std::make_unique<const Program>(std::move(compiler).finish());
  return result;
}

std::string Template::render(Machine& machine) const {
  std::string rendered;
  std::size_t done = 0;
  for (const Part& part : parts_) {
    rendered.append(text_, done, part.at - done);
    done = part.at;
    rendered += to_text(machine.run(*program_, part.block), machine.evaluation()).characters();
    if (rendered.size() > kMaxResultBytes) return rendered;
  }
  return rendered.append(text_, done);
}

}  // namespace dunlin::rules
