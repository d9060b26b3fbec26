#include "service/query/scan.h"

#include <algorithm>
#include <cmath>

#include "base/time_text.h"
#include "service/query/unit_reader.h"

namespace dunlin::query {
namespace {

using Kind = TableColumn::Kind;

bool is_text(const model::Value& value) {
  return std::holds_alternative<std::string>(value) || std::holds_alternative<model::JsonText>(value);
}

Datum text_datum(std::string text) {
  Datum value;
  value.type = Type::text;
  value.text = std::move(text);
  return value;
}

std::string time_text(std::int64_t time) {
  return format_rfc3339(from_unix_nanoseconds(time));
}

/// Devices or series one after another, some of them ahead of being asked for.
class TableScan final : public Operator {
 public:
  /// Takes what it needs to know of the series now: they may be gone in the next turn.
  TableScan(ScanPlan plan, ScanEnvironment environment) : environment_(std::move(environment)) {
    const SeriesList series = std::exchange(plan.series, {});
    plan_ = std::make_shared<const ScanPlan>(std::move(plan));
    is_of_one_channel_ = is_of_one_channel();
    list_units(series);
  }
  ~TableScan() override {
    for (const auto& reader : readers_) reader->stop();
  }
  TableScan(const TableScan&) = delete;
  TableScan& operator=(const TableScan&) = delete;

  Result<Pulled> next() override {
    if (plan_->mode == ScanPlan::Mode::last_values && next_last_ < units_.size())
      return pulled(last_values());
    read_ahead();
    if (readers_.empty()) return pulled(Pulled::State::end);
    UnitReader& reader = *readers_.front();
    if (reader.error()) return std::unexpected(*reader.error());
    auto batch = reader.take();
    reader.read();
    if (batch) return pulled(*std::move(batch));
    if (!reader.is_done()) return pulled(Pulled::State::wait);
    readers_.pop_front();
    return pulled(Pulled::State::busy);
  }

  void explain(std::vector<std::string>& lines, std::size_t depth) const override {
    constexpr std::string_view kModes[] = {"points", "points, chunks by their summary", "last values"};
    std::string text = "read " + plan_->table + ": ";
    text += kModes[static_cast<std::size_t>(plan_->mode)];
    text += " of";
    for (const TableColumn& column : plan_->columns) text += " " + column.name;
    lines.push_back(plan_line(depth, text));
    if (plan_->device) lines.push_back(plan_line(depth + 1, "device " + *plan_->device));
    if (plan_->from != std::numeric_limits<std::int64_t>::min())
      lines.push_back(plan_line(depth + 1, "from " + time_text(plan_->from)));
    if (plan_->to != std::numeric_limits<std::int64_t>::max())
      lines.push_back(plan_line(depth + 1, "to " + time_text(plan_->to)));
    if (!plan_->fixed_conditions.empty())
      lines.push_back(
          plan_line(depth + 1, std::to_string(plan_->fixed_conditions.size()) + " conditions on devices"));
  }

 private:
  void list_units(const SeriesList& series) {
    std::vector<const series::SeriesInfo*> of_device;
    for (const series::SeriesInfo* info : series) {
      if (plan_->device && info->device != *plan_->device) continue;
      if (plan_->kind == TableKind::samples) {
        add_unit({info});
        continue;
      }
      if (!of_device.empty() && of_device.front()->device != info->device)
        add_unit(std::exchange(of_device, {}));
      of_device.push_back(info);
    }
    if (!of_device.empty()) add_unit(of_device);
  }

  /// All series of a device, or one series.
  void add_unit(const std::vector<const series::SeriesInfo*>& list) {
    const series::SeriesInfo& first = *list.front();
    Unit unit;
    unit.origin = units_.size() + 1;
    if (plan_->kind == TableKind::samples) {
      unit.series.push_back({first.id, Type::number, first.last});
    } else if (!add_channels(unit, list)) {
      return;
    }
    for (const TableColumn& column : plan_->columns) unit.fixed.push_back(fixed_column(column, first));
    Batch one{.rows = 1, .columns = unit.fixed, .origin = 0, .wholes = {}};
    for (const ExpressionPtr& condition : plan_->fixed_conditions) {
      if (rows_where(*condition, one, environment_.space->texts).empty()) return;
    }
    units_.push_back(std::move(unit));
  }

  /// False where the device has none of them.
  bool add_channels(Unit& unit, const std::vector<const series::SeriesInfo*>& list) const {
    bool has_any = false;
    for (const TableColumn& column : plan_->columns) {
      if (column.kind != Kind::channel) continue;
      const series::SeriesInfo* info = channel_of(list, column.name);
      has_any = has_any || info != nullptr;
      unit.series.push_back(info != nullptr ? UnitSeries{info->id, column.type, info->last}
                                            : UnitSeries{{}, column.type, {}});
    }
    return has_any;
  }

  /// Null: the device has not got it.
  const series::SeriesInfo* channel_of(const std::vector<const series::SeriesInfo*>& list,
                                       const std::string& name) const {
    const std::string_view signs = plan_->prefix.empty() ? std::string_view() : "/.";
    for (std::size_t i = 0; i < std::max<std::size_t>(signs.size(), 1); ++i) {
      const std::string channel = plan_->prefix + std::string(signs.substr(i, 1)) + name;
      const auto found = std::ranges::lower_bound(
          list, channel, {}, [](const auto* info) -> const std::string& { return info->channel; });
      if (found != list.end() && (*found)->channel == channel) return *found;
    }
    return nullptr;
  }

  ColumnPtr fixed_column(const TableColumn& column, const series::SeriesInfo& info) const {
    TextPool& texts = environment_.space->texts;
    switch (column.kind) {
      case Kind::device:
        return constant_column(text_datum(info.device), texts);
      case Kind::name:
        return constant_column(text_datum(info.channel), texts);
      case Kind::unit:
        return constant_column(text_datum(info.unit), texts);
      case Kind::tag: {
        const auto tag = environment_.tags.tag(plan_->tenant, info.device, column.name);
        return tag ? constant_column(text_datum(*tag), texts) : null_column(Type::text);
      }
      default:
        return nullptr;
    }
  }

  bool is_of_one_channel() const {
    const auto is_channel = [](const TableColumn& column) { return column.kind == Kind::channel; };
    return plan_->kind == TableKind::samples || std::ranges::count_if(plan_->columns, is_channel) == 1;
  }

  /// The next unit that has something to read; null: there is none.
  std::shared_ptr<UnitReader> next_reader() {
    while (next_unit_ < units_.size()) {
      Unit& unit = units_[next_unit_++];
      if (!unit.series.empty()) return std::make_shared<UnitReader>(plan_, environment_, std::move(unit));
    }
    return nullptr;
  }

  void read_ahead() {
    if (is_of_one_channel_) {
      if (readers_.size() < kSeriesAtOnce / 2) read_together();
      return;
    }
    // One at a time: what is in memory is read within the call.
    if (readers_.size() >= kScansAhead) return;
    if (auto reader = next_reader()) {
      readers_.push_back(std::move(reader));
      readers_.back()->read();
    }
  }

  void read_together() {
    std::vector<std::shared_ptr<UnitReader>> readers;
    while (readers.size() < kSeriesAtOnce) {
      auto reader = next_reader();
      if (!reader) break;
      readers.push_back(std::move(reader));
    }
    readers_.insert(readers_.end(), readers.begin(), readers.end());
    if (!readers.empty()) UnitReader::read_together(readers);
  }

  /// Whether the last value in memory is the last one of the column's type.
  static bool has_last(const UnitSeries& series) {
    if (!series.id) return true;
    if (series.type == Type::text) return is_text(series.last.value);
    const auto* number = std::get_if<double>(&series.last.value);
    return (number != nullptr && !std::isnan(*number)) ||
           std::holds_alternative<std::int64_t>(series.last.value) ||
           std::holds_alternative<bool>(series.last.value);
  }

  /// A row for each channel, with the time of its last value. What is not known by its last value is read.
  Batch last_values() {
    std::vector<Column> columns;
    for (const TableColumn& column : plan_->columns) columns.push_back(make_column(column.type, 0));
    std::size_t rows = 0;
    for (; next_last_ < units_.size() && rows < kBatchRows; ++next_last_) {
      Unit& unit = units_[next_last_];
      if (!std::ranges::all_of(unit.series, has_last)) continue;
      for (std::size_t i = 0; i < unit.series.size(); ++i) {
        if (!unit.series[i].id) continue;
        add_last_row(columns, unit, i);
        ++rows;
      }
      unit.series.clear();
    }
    Batch batch;
    batch.rows = rows;
    for (Column& column : columns) batch.columns.push_back(std::make_shared<const Column>(std::move(column)));
    return batch;
  }

  void add_last_row(std::vector<Column>& columns, const Unit& unit, std::size_t which) const {
    const UnitSeries& series = unit.series[which];
    Datum time;
    time.type = Type::time;
    time.integer = unix_nanoseconds(series.last.time);
    std::size_t channel = 0;
    TextPool& texts = environment_.space->texts;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const TableColumn& column = plan_->columns[i];
      const bool is_value =
          column.kind == Kind::value || (column.kind == Kind::channel && channel++ == which);
      if (column.kind == Kind::time) {
        append_row(columns[i], *constant_column(time, texts), 0);
      } else if (unit.fixed[i]) {
        append_row(columns[i], *unit.fixed[i], 0);
      } else if (is_value) {
        append_row(columns[i], *constant_column(last_datum(series), texts), 0);
      } else {
        append_row(columns[i], *null_column(Type::null), 0);
      }
    }
  }

  static Datum last_datum(const UnitSeries& series) {
    if (const auto* text = std::get_if<std::string>(&series.last.value)) return text_datum(*text);
    if (const auto* json = std::get_if<model::JsonText>(&series.last.value)) return text_datum(json->value);
    Datum value;
    value.type = Type::number;
    if (const auto* number = std::get_if<double>(&series.last.value)) value.number = *number;
    if (const auto* whole = std::get_if<std::int64_t>(&series.last.value))
      value.number = static_cast<double>(*whole);
    if (const auto* truth = std::get_if<bool>(&series.last.value)) value.number = *truth ? 1 : 0;
    return value;
  }

  std::shared_ptr<const ScanPlan> plan_;
  ScanEnvironment environment_;
  bool is_of_one_channel_ = false;
  std::vector<Unit> units_;
  std::deque<std::shared_ptr<UnitReader>> readers_;
  std::size_t next_unit_ = 0;
  std::size_t next_last_ = 0;
};

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

OperatorPtr make_scan(ScanPlan plan, ScanEnvironment environment) {
  if (plan.kind == TableKind::things)
    return std::make_unique<ThingsScan>(std::move(plan), std::move(environment));
  return std::make_unique<TableScan>(std::move(plan), std::move(environment));
}

}  // namespace dunlin::query
