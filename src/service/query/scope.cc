#include "service/query/scope.h"

#include <algorithm>

#include "model/sql_tokens.h"
#include "service/query/aggregate.h"

namespace dunlin::query {
std::optional<ScopeColumn> TableScope::find(std::string_view qualifier, std::string_view name) {
  if (!qualifier.empty() && qualifier != alias_ && qualifier != table_.name) return std::nullopt;
  for (std::size_t i = 0; i < used_.size(); ++i) {
    if (used_[i].name == name) return ScopeColumn{i, used_[i].type};
  }
  for (const TableColumn& column : table_.columns) {
    if (column.name != name) continue;
    used_.push_back(column);
    if (column.kind == TableColumn::Kind::channel) used_.back().type = channel_type(*column.series);
    return ScopeColumn{used_.size() - 1, used_.back().type};
  }
  return std::nullopt;
}

std::vector<std::string> TableScope::names() const {
  std::vector<std::string> names;
  for (const TableColumn& column : table_.columns) names.push_back(column.name);
  return names;
}

std::optional<ScopeColumn> RowScope::find(std::string_view qualifier, std::string_view name) {
  if (!qualifier.empty() && qualifier != alias_) return std::nullopt;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return ScopeColumn{i, types_[i]};
  }
  return std::nullopt;
}

std::unexpected<Error> Binder::wrong(const Syntax& syntax, Errc code, const std::string& what) const {
  return fail(code, model::sql_line(sql_, syntax.at) + ": " + what);
}

Result<ExpressionPtr> Binder::bind_condition(const Syntax& syntax, Scope& scope) {
  DUNLIN_TRY(ExpressionPtr bound, bind(syntax, scope));
  auto condition = coerce(std::move(bound), Type::boolean);
  if (!condition) return wrong(syntax, condition.error().code, condition.error().message);
  return condition;
}

Result<ExpressionPtr> Binder::bind(const Syntax& syntax, Scope& scope) {
  if (++bound_ > kMaxBound)
    return wrong(syntax, Errc::limit_exceeded,
                 "the query becomes too large where its aliases are written out");
  if (const auto known = known_.find(syntax.identity); known != known_.end())
    return make_column_reference(known->second.column, known->second.type);
  switch (syntax.kind) {
    case Syntax::Kind::literal:
      return make_constant(syntax.value);
    case Syntax::Kind::name:
      return bind_name(syntax, scope);
    case Syntax::Kind::star:
      return wrong(syntax, Errc::malformed, "\"*\" stands alone, or in count(*)");
    case Syntax::Kind::cast: {
      DUNLIN_TRY(ExpressionPtr operand, bind(*syntax.operands[0], scope));
      auto cast = make_cast(syntax.text, std::move(operand));
      if (!cast) return wrong(syntax, cast.error().code, cast.error().message);
      return cast;
    }
    case Syntax::Kind::call:
      break;
  }
  return bind_call(syntax, scope);
}

Result<ExpressionPtr> Binder::bind_name(const Syntax& syntax, Scope& scope) {
  if (are_names_closed_) {
    return wrong(syntax, Errc::invalid_argument,
                 "\"" + syntax.text.substr(0, 64) + "\" must stand in GROUP BY or inside an aggregate");
  }
  if (const auto column = scope.find(syntax.qualifier, syntax.text))
    return make_column_reference(column->column, column->type);
  std::string known;
  std::size_t told = 0;
  for (const std::string& name : scope.names()) {
    if (++told > 40) break;
    known += (known.empty() ? "" : ", ") + name;
  }
  return wrong(syntax, Errc::not_found,
               "there is no column \"" + text_of(syntax).substr(0, 64) + "\"; there are " + known);
}

Result<ExpressionPtr> Binder::bind_call(const Syntax& syntax, Scope& scope) {
  if (syntax.over)
    return wrong(syntax, Errc::unsupported,
                 "OVER stands behind lag, lead and row_number, in what is selected or ordered by");
  if (is_aggregate(syntax.text))
    return wrong(syntax, Errc::invalid_argument,
                 syntax.text + "() cannot stand here: not in WHERE, GROUP BY or another aggregate");
  if (syntax.text == "locf" || syntax.text == "interpolate")
    return wrong(syntax, Errc::invalid_argument, syntax.text + "() needs time_bucket_gapfill() in GROUP BY");
  if (syntax.quantifier == Syntax::Quantifier::distinct)
    return wrong(syntax, Errc::malformed, "DISTINCT stands in count() only");
  if (syntax.text == "now") {
    if (!syntax.operands.empty()) return wrong(syntax, Errc::invalid_argument, "now() takes no arguments");
    Datum now;
    now.type = Type::time;
    now.integer = unix_nanoseconds(now_);
    return make_constant(std::move(now));
  }
  std::vector<ExpressionPtr> arguments;
  for (const SyntaxPtr& operand : syntax.operands) {
    DUNLIN_TRY(ExpressionPtr argument, bind(*operand, scope));
    arguments.push_back(std::move(argument));
  }
  auto call = make_function(syntax.text, std::move(arguments));
  if (!call) return wrong(syntax, call.error().code, "\"" + syntax.text + "\": " + call.error().message);
  return call;
}

}  // namespace dunlin::query
