#include "service/derived/formula.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/core/assert.h"
#include "model/sql_tokens.h"
#include "model/text.h"
#include "service/derived/limits.h"
#include "service/query/aggregate.h"
#include "service/query/scope.h"
#include "service/query/syntax.h"

namespace dunlin::derived {
namespace {

using query::Syntax;
using query::Type;

struct NamedTake {
  std::string_view name;
  Take take;
};
constexpr std::array<NamedTake, 16> kTakes{{{"mean", Take::mean},
                                            {"avg", Take::mean},
                                            {"sum", Take::sum},
                                            {"min", Take::min},
                                            {"max", Take::max},
                                            {"count", Take::count},
                                            {"first", Take::first},
                                            {"last", Take::last},
                                            {"stddev", Take::deviation},
                                            {"percentile", Take::percentile},
                                            {"rate", Take::rate},
                                            {"integral", Take::integral},
                                            {"time_weighted_mean", Take::time_weighted_mean},
                                            {"previous", Take::previous},
                                            {"text", Take::text},
                                            {"value", Take::value}}};

constexpr bool is_window(Take take) {
  return take >= Take::mean;
}

const NamedTake* find_take(std::string_view name) {
  const auto found = std::ranges::find(kTakes, name, &NamedTake::name);
  return found == kTakes.end() ? nullptr : &*found;
}

// The columns in front of those of channels.
constexpr std::size_t kTime = 0;
constexpr std::size_t kDevice = 1;
constexpr std::size_t kFirstColumn = 2;

Type type_of(Take take) {
  return take == Take::text ? Type::text : Type::number;
}

/// Finds what the expression takes of channels, and tells the binder.
class Reader {
 public:
  Reader(std::string_view text, Formula::Over over, query::Binder& binder)
      : text_(text), over_(over), binder_(binder) {}

  Result<void> read(const Syntax& syntax);

  std::vector<Input> inputs{};
  std::vector<FormulaColumn> columns{};

 private:
  Result<void> read_name(const Syntax& syntax);
  Result<void> read_take(const Syntax& call, Take take);
  Result<void> read_options(const Syntax& call, FormulaColumn& column) const;
  Result<Duration> length_of(const Syntax& syntax) const;
  Result<void> check_function(const Syntax& call) const;
  Result<std::size_t> input_of(const Syntax& name);
  Result<void> know(const Syntax& syntax, const FormulaColumn& column);
  std::unexpected<Error> wrong(const Syntax& syntax, const std::string& what) const {
    return fail(Errc::invalid_argument, model::sql_line(text_, syntax.at) + ": " + what);
  }

  std::string_view text_;
  Formula::Over over_;
  query::Binder& binder_;
};

Result<void> Reader::read(const Syntax& syntax) {
  if (syntax.kind == Syntax::Kind::name) return read_name(syntax);
  if (syntax.kind == Syntax::Kind::call) {
    if (syntax.text == "now")
      return wrong(syntax, "there is no now() here: the time of the sample that is computed is \"time\"");
    if (const NamedTake* take = find_take(syntax.text)) return read_take(syntax, take->take);
    DUNLIN_CHECK(check_function(syntax));
  }
  for (const query::SyntaxPtr& operand : syntax.operands) DUNLIN_CHECK(read(*operand));
  return {};
}

Result<void> Reader::check_function(const Syntax& call) const {
  std::vector<std::string_view> names = query::function_names();
  if (!query::is_word(call.text) || std::ranges::find(names, call.text) != names.end()) return {};
  for (const NamedTake& take : kTakes) names.push_back(take.name);
  std::string what = "there is no function \"" + call.text.substr(0, 64) + "\"";
  if (const auto meant = model::nearest_name(call.text, names); !meant.empty())
    return wrong(call, what + "; did you mean \"" + std::string(meant) + "\"?");
  what += "; there are";
  for (const std::string_view name : names) {
    if (name != "and" && name != "or" && name != "not") what += " " + std::string(name);
  }
  return wrong(call, what);
}

Result<void> Reader::read_name(const Syntax& name) {
  if (name.qualifier.empty() && (name.text == "time" || name.text == "device")) return {};
  if (over_ == Formula::Over::windows)
    return wrong(name, "in windows a channel has many values: write mean(" + query::text_of(name) +
                           "), last(" + query::text_of(name) + ") or what else is meant");
  DUNLIN_TRY(const std::size_t input, input_of(name));
  return know(name, {.input = input, .take = Take::value});
}

Result<std::size_t> Reader::input_of(const Syntax& name) {
  Input input{name.qualifier, name.text};
  const auto found = std::ranges::find(inputs, input);
  if (found != inputs.end()) return static_cast<std::size_t>(found - inputs.begin());
  if (over_ == Formula::Over::windows && !inputs.empty())
    return wrong(name, "windows are over one channel; derive the other one first");
  if (over_ == Formula::Over::windows && !input.device.empty())
    return wrong(name, "windows are over a channel of the device itself");
  if (inputs.size() == kMaxInputs)
    return wrong(name, "more than " + std::to_string(kMaxInputs) + " channels are read");
  inputs.push_back(std::move(input));
  return inputs.size() - 1;
}

Result<void> Reader::know(const Syntax& syntax, const FormulaColumn& column) {
  auto found = std::ranges::find(columns, column);
  if (found == columns.end()) {
    if (columns.size() == kMaxFormulaColumns)
      return wrong(syntax,
                   "more than " + std::to_string(kMaxFormulaColumns) + " values are taken of channels");
    columns.push_back(column);
    found = columns.end() - 1;
  }
  const auto place = static_cast<std::size_t>(found - columns.begin());
  binder_.know(syntax, {kFirstColumn + place, type_of(column.take)});
  return {};
}

Result<void> Reader::read_take(const Syntax& call, Take take) {
  if (call.over || call.quantifier == Syntax::Quantifier::distinct)
    return wrong(call, call.text + "() takes no OVER and no DISTINCT here");
  if (call.operands.empty() || call.operands[0]->kind != Syntax::Kind::name)
    return wrong(call, call.text + "() takes a channel first, such as " + call.text +
                           (is_window(take) ? "(temperature, '5m')" : "(temperature)"));
  const Syntax& name = *call.operands[0];
  FormulaColumn column{.take = take};
  DUNLIN_CHECK(read_options(call, column));
  if (!is_window(take) && over_ == Formula::Over::windows)
    return wrong(call, call.text + "() is of one value; windows have many: write last(" +
                           query::text_of(name) + ") or what else is meant");
  if (take != Take::value && take != Take::text && !name.qualifier.empty())
    return wrong(call, call.text + "() is of a channel of the device itself; derive it for \"" +
                           name.qualifier.substr(0, 64) + "\" first");
  DUNLIN_TRY(column.input, input_of(name));
  return know(call, column);
}

/// What stands behind the channel: of a percentile which one, and the window's length.
Result<void> Reader::read_options(const Syntax& call, FormulaColumn& column) const {
  std::size_t next = 1;
  if (column.take == Take::percentile) {
    const Syntax* given = next < call.operands.size() ? call.operands[next++].get() : nullptr;
    const bool is_number = given != nullptr && given->kind == Syntax::Kind::literal &&
                           (given->value.type == Type::number || given->value.type == Type::integer);
    if (is_number)
      column.quantile =
          given->value.type == Type::number ? given->value.number : static_cast<double>(given->value.integer);
    if (!is_number || column.quantile < 0 || column.quantile > 1)
      return wrong(given == nullptr ? call : *given,
                   "percentile() takes a number from 0 to 1 behind the channel, such as 0.95");
  }
  const bool wants_length = is_window(column.take) && over_ == Formula::Over::time;
  if (wants_length) {
    if (next == call.operands.size())
      return wrong(call, call.text + "() needs the length of its window, such as '5m'");
    DUNLIN_TRY(column.length, length_of(*call.operands[next++]));
  }
  if (next == call.operands.size()) return {};
  return wrong(*call.operands[next], over_ == Formula::Over::windows && is_window(column.take)
                                         ? "the window is the definition's: no length stands here"
                                         : call.text + "() takes nothing more");
}

Result<Duration> Reader::length_of(const Syntax& syntax) const {
  std::int64_t length = 0;
  if (syntax.kind == Syntax::Kind::literal && syntax.value.type == Type::interval) {
    length = syntax.value.integer;
  } else if (syntax.kind == Syntax::Kind::literal && syntax.value.type == Type::text) {
    const auto read = query::parse_interval(syntax.value.text);
    if (!read) return wrong(syntax, read.error().message);
    length = *read;
  }
  const Duration made{length};
  if (made >= std::chrono::milliseconds{1} && made <= kMaxSlidingWindow) return made;
  return wrong(syntax, "a window's length is a text such as '5m', from 1ms to 31d");
}

class NoColumns final : public query::Scope {
 public:
  std::optional<query::ScopeColumn> find(std::string_view qualifier, std::string_view name) override {
    if (qualifier.empty() && name == "time") return query::ScopeColumn{kTime, Type::time};
    if (qualifier.empty() && name == "device") return query::ScopeColumn{kDevice, Type::text};
    return std::nullopt;
  }
  std::vector<std::string> names() const override { return {"time", "device"}; }
};

query::ColumnPtr column_of(Take take, std::size_t place, std::span<const Row> rows, query::TextPool& texts) {
  query::Column made = query::make_column(type_of(take), rows.size());
  made.valid.assign(rows.size(), 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Cell& cell = rows[i].cells[place];
    made.valid[i] = cell.is_known() ? 1 : 0;
    if (take == Take::text) {
      made.integers[i] = texts.place_of(cell.text);
    } else {
      made.numbers[i] = cell.number;
    }
  }
  return std::make_shared<const query::Column>(std::move(made));
}

std::optional<model::Value> value_at(const query::Column& column, std::size_t row,
                                     const query::TextPool& texts) {
  if (!column.is_valid(row)) return std::nullopt;
  switch (column.type) {
    case Type::boolean:
      return model::Value{column.integer(row) != 0};
    case Type::integer:
      return model::Value{column.integer(row)};
    case Type::number:
      if (!std::isfinite(column.number(row))) return std::nullopt;
      return model::Value{column.number(row)};
    case Type::text: {
      const std::string_view text = texts.text_at(column.integer(row));
      if (text.size() > kMaxKeptTextBytes) return std::nullopt;
      return model::Value{std::string(text)};
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

struct Formula::Compiled {
  std::vector<Input> inputs;
  std::vector<FormulaColumn> columns;
  query::ExpressionPtr expression;
};

Result<Formula> Formula::parse(std::string_view text, Over over) {
  if (text.size() > kMaxExpressionBytes)
    return fail(Errc::limit_exceeded,
                "the expression is longer than " + std::to_string(kMaxExpressionBytes) + " bytes");
  DUNLIN_TRY(const query::SyntaxPtr syntax, query::parse_expression(text));
  query::Binder binder(text, {});
  Reader reader(text, over, binder);
  DUNLIN_CHECK(reader.read(*syntax));
  const auto wrong = [&](const std::string& what) {
    return fail(Errc::invalid_argument, model::sql_line(text, syntax->at) + ": " + what);
  };
  if (std::ranges::none_of(reader.inputs, [](const Input& input) { return input.device.empty(); }))
    return wrong("no channel of the device itself is read: nothing says when there is a new value");
  NoColumns scope;
  auto compiled = std::make_shared<Compiled>();
  DUNLIN_TRY(compiled->expression, binder.bind(*syntax, scope));
  const Type type = compiled->expression->type();
  if (type == Type::time || type == Type::interval || type == Type::null)
    return wrong("the result is of type " + std::string(query::type_name(type)) +
                 "; a channel has numbers, truth values or texts: use seconds(..) or CAST(.. AS text)");
  compiled->inputs = std::move(reader.inputs);
  compiled->columns = std::move(reader.columns);
  return Formula(std::move(compiled));
}

const std::vector<Input>& Formula::inputs() const {
  return compiled_->inputs;
}

const std::vector<FormulaColumn>& Formula::columns() const {
  return compiled_->columns;
}

std::string_view Formula::type() const {
  return query::type_name(compiled_->expression->type());
}

std::vector<std::optional<model::Value>> Formula::evaluate(std::span<const Row> rows) const {
  std::vector<std::optional<model::Value>> results(rows.size());
  if (rows.empty()) return results;
  query::TextPool texts;
  query::Batch batch;
  batch.rows = rows.size();
  batch.columns.resize(kFirstColumn + compiled_->columns.size());
  query::Column times = query::make_column(Type::time, rows.size());
  query::Column devices = query::make_column(Type::text, rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    times.integers[i] = unix_nanoseconds(rows[i].time);
    devices.integers[i] = texts.place_of(rows[i].device);
  }
  batch.columns[kTime] = std::make_shared<const query::Column>(std::move(times));
  batch.columns[kDevice] = std::make_shared<const query::Column>(std::move(devices));
  for (std::size_t i = 0; i < compiled_->columns.size(); ++i)
    batch.columns[kFirstColumn + i] = column_of(compiled_->columns[i].take, i, rows, texts);
  const query::ColumnPtr column = compiled_->expression->evaluate(batch, texts);
  for (std::size_t i = 0; i < rows.size(); ++i) results[i] = value_at(*column, i, texts);
  return results;
}

double number_of(Take take, double quantile, const analytics::Aggregate& values) {
  switch (take) {
    case Take::mean:
      return values.mean();
    case Take::sum:
      return values.sum();
    case Take::min:
      return values.min();
    case Take::max:
      return values.max();
    case Take::count:
      return static_cast<double>(values.count());
    case Take::first:
      return values.first().value;
    case Take::last:
      return values.last().value;
    case Take::deviation:
      return values.deviation();
    case Take::percentile:
      return values.percentile(quantile);
    case Take::rate:
      return values.rate();
    case Take::integral:
      return values.integral();
    case Take::time_weighted_mean:
      return values.time_weighted_mean();
    case Take::value:
    case Take::text:
    case Take::previous:
      break;
  }
  DUNLIN_ASSERT(false);
  return 0;
}

}  // namespace dunlin::derived
