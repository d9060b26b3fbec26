#include <algorithm>

#include "service/query/scan.h"

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

Datum text_datum(const std::string& text) {
  Datum value;
  value.type = Type::text;
  value.text = text;
  return value;
}

/// The registry's things.
class ThingsScan final : public Operator {
 public:
  ThingsScan(ScanPlan plan, ScanEnvironment environment)
      : plan_(std::move(plan)), environment_(std::move(environment)) {}

  Result<Pulled> next() override {
    if (!is_read_) {
      things_ = environment_.tags.things(plan_.tenant);
      is_read_ = true;
    }
    if (next_ == things_.size()) return pulled(Pulled::State::end);
    const std::size_t begin = next_;
    next_ = std::min(things_.size(), begin + kBatchRows);
    Batch batch;
    batch.rows = next_ - begin;
    for (const TableColumn& column : plan_.columns) {
      Column made = make_column(Type::text, 0);
      for (std::size_t i = begin; i < next_; ++i) append_row(made, *cell(column, things_[i]), 0);
      batch.columns.push_back(std::make_shared<const Column>(std::move(made)));
    }
    return pulled(std::move(batch));
  }
  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    std::string text = "read things:";
    for (const TableColumn& column : plan_.columns) text += " " + column.name;
    lines.push_back(plan_line(depth, text));
  }

 private:
  ColumnPtr cell(const TableColumn& column, const ThingRow& thing) const {
    TextPool& texts = environment_.space->texts;
    switch (column.kind) {
      case Kind::device:
        return constant_column(text_datum(thing.name), texts);
      case Kind::thing_type:
        return constant_column(text_datum(thing.type), texts);
      case Kind::thing_gateway:
        return constant_column(text_datum(thing.gateway), texts);
      case Kind::thing_state:
        return constant_column(text_datum(thing.state), texts);
      default:
        break;
    }
    const auto found = thing.attributes.find(column.name);
    return found == thing.attributes.end() ? null_column(Type::text)
                                           : constant_column(text_datum(found->second), texts);
  }

  ScanPlan plan_;
  ScanEnvironment environment_;
  std::vector<ThingRow> things_;
  std::size_t next_ = 0;
  bool is_read_ = false;
};

}  // namespace

OperatorPtr make_things_scan(ScanPlan plan, ScanEnvironment environment) {
  return std::make_unique<ThingsScan>(std::move(plan), std::move(environment));
}

}  // namespace dunlin::query
