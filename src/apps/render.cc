#include "apps/render.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "model/json_fields.h"
#include "model/text.h"

namespace dunlin::apps {
namespace {

constexpr std::size_t kMaxCellBytes = 64;  // by a SHA-256 in hexadecimal one names certificates, codes ...

/// Devices choose some of the texts, and a terminal acts on what controls it: C0 but line breaks, and C1
/// (U+0080 to U+009F), become '?'.
std::string shown(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && text[i] != '\n') || byte == 0x7F) text[i] = '?';
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) text.replace(i, 2, "?");
  }
  return text;
}

std::string text_in(const boost::json::value& value) {
  return shown(value.is_string() ? std::string(value.get_string()) : model::json_text(value));
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string cell(const boost::json::value& value) {
  if (value.is_null()) return "-";
  std::string text = one_line(text_in(value));
  if (text.size() > kMaxCellBytes) text = text.substr(0, kMaxCellBytes - 3) + "...";
  return text;
}

std::vector<std::string> columns_of(const boost::json::array& rows) {
  std::vector<std::string> columns;
  for (const auto& row : rows) {
    if (!row.is_object()) continue;
    for (const auto& member : row.get_object()) {
      if (std::ranges::find(columns, std::string_view(member.key())) == columns.end())
        columns.emplace_back(member.key());
    }
  }
  return columns;
}

/// Lines of as many cells each, one below the other.
std::string aligned(const std::vector<std::vector<std::string>>& cells) {
  std::vector<std::size_t> widths(cells.front().size());
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text += std::string(widths[i] - line[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string table(const boost::json::array& rows, std::vector<std::string> columns = {}) {
  if (rows.empty()) return "(none)\n";
  if (columns.empty()) columns = columns_of(rows);
  if (columns.empty()) return model::json_text(rows) + "\n";
  std::vector<std::vector<std::string>> cells{columns};
  for (const auto& row : rows) {
    std::vector<std::string> line;
    for (const std::string& column : columns) {
      const auto* value = row.is_object() ? row.get_object().if_contains(column) : nullptr;
      line.push_back(value == nullptr ? "" : cell(*value));
    }
    cells.push_back(std::move(line));
  }
  return aligned(cells);
}

/// What of a wide row fits on a screen; the others are in --json.
std::vector<std::string> columns_for(std::string_view operation) {
  if (operation == "session.list") {
    return {"client_id",     "thing",   "state",       "since",        "queued", "queued_qos0",
            "in_flight_out", "dropped", "messages_in", "messages_out", "address"};
  }
  if (operation == "audit.list")
    return {"sequence", "at", "actor", "address", "action", "object", "outcome", "count", "detail"};
  return {};
}

std::string lines_of(const boost::json::object& object) {
  std::size_t width = 0;
  for (const auto& member : object) width = std::max(width, member.key().size());
  std::string text;
  for (const auto& member : object) {
    // For pages: in a terminal its thousands of bytes push the same code, drawn as text, off the screen.
    if (member.key() == "qr_svg") continue;
    const auto& value = member.value();
    text += std::string(member.key()) + std::string(width - member.key().size() + 2, ' ');
    text += text_in(value);
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

bool holds_rows(const boost::json::value& value) {
  return value.is_array() && !value.get_array().empty() && value.get_array().front().is_object();
}

/// The names and values first, then the lists as tables.
std::string page_of(const boost::json::object& object) {
  boost::json::object single;
  std::string tables;
  for (const auto& member : object) {
    if (!holds_rows(member.value())) {
      single[member.key()] = member.value();
      continue;
    }
    tables += "\n" + std::string(member.key()) + "\n" + table(member.value().get_array());
  }
  return lines_of(single) + tables;
}

/// The picture of an attack; its history and what is in every row are in --json.
std::string refusals_of(const boost::json::object& object) {
  using Columns = std::vector<std::string>;
  const std::pair<std::string_view, Columns> tables[] = {
      {"kinds", {}},
      {"addresses",
       {"address", "count", "uncertain", "recent", "last_at", "last_kind", "last_device", "penalty_seconds",
        "blocked_seconds", "reason"}},
      {"devices",
       {"device", "count", "uncertain", "recent", "last_at", "last_kind", "last_address", "proven",
        "quarantine", "reason"}},
      {"users",
       {"user", "count", "uncertain", "recent", "last_at", "last_kind", "last_address", "penalty_seconds",
        "reason"}},
      {"blocks", {}},
      {"recent", {"at", "kind", "address", "device", "user", "reason"}}};
  std::string text = "total  " + model::json_text(object.at("total")) + "\n";
  for (const auto& [name, columns] : tables) {
    const auto* rows = object.if_contains(name);
    if (rows == nullptr || !holds_rows(*rows)) continue;
    text += "\n" + std::string(name) + "\n" + table(rows->get_array(), columns);
  }
  return text;
}

/// A table, and below it what else the answer says: how many there are, where the next page begins.
std::string list_of(const boost::json::object& object, std::vector<std::string> columns) {
  std::string text = table(object.begin()->value().get_array(), std::move(columns));
  for (const auto& member : object) {
    if (member.key() == object.begin()->key()) continue;
    text += std::string(member.key()) + ": " + text_in(member.value()) + "\n";
  }
  return text;
}

std::string text_of(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? text_in(*value) : std::string();
}

std::string explanation_of(const boost::json::object& object) {
  std::string text = text_of(object, "verdict") + ": " + text_of(object, "summary") + "\n\n";
  const auto* steps = object.if_contains("steps");
  if (steps == nullptr || !steps->is_array()) return text;
  for (const auto& step : steps->get_array()) {
    if (!step.is_object()) continue;
    const std::string outcome = text_of(step.get_object(), "outcome");
    const std::string_view mark = outcome == "ok" ? "  ok  " : outcome == "note" ? " note " : " STOP ";
    text += std::string(mark) + text_of(step.get_object(), "check") + ": " +
            text_of(step.get_object(), "text") + "\n";
  }
  return text;
}

/// The answer of a query: its rows, and what has to be known of them. A plan is lines, and not cut.
std::string rows_of(const boost::json::object& object) {
  std::vector<std::vector<std::string>> cells(1);
  for (const auto& column : object.at("columns").get_array()) cells[0].push_back(cell(column.at("name")));
  const bool is_plan = cells[0] == std::vector<std::string>{"plan"};
  for (const auto& row : object.at("rows").get_array()) {
    std::vector<std::string> line;
    for (const auto& value : row.get_array())
      line.push_back(is_plan ? one_line(text_in(value)) : cell(value));
    cells.push_back(std::move(line));
  }
  const std::size_t count = cells.size() - 1;
  std::string text = aligned(cells) + "(" + std::to_string(count) + (count == 1 ? " row)\n" : " rows)\n");
  if (object.at("truncated").as_bool()) text += "There are more: raise --limit, or ask for fewer.\n";
  return text;
}

}  // namespace

std::string render_findings(const boost::json::object& answer, Notes notes) {
  const auto number = [&](std::string_view name) {
    return model::optional_integer(answer, name).value_or(0);
  };
  std::string lines;
  if (const auto* list = answer.if_contains("findings"); list != nullptr && list->is_array()) {
    for (const auto& one : list->get_array()) {
      if (!one.is_object()) continue;
      const auto text = [&](std::string_view name) { return one_line(text_of(one.get_object(), name)); };
      if (text("severity") == "note" && notes == Notes::hidden) continue;
      lines += text("severity") + " " + text("id") + ": " + text("what") + "; " + text("why") +
               ". Mend: " + text("mend") + "\n";
    }
  }
  const bool clean = number("errors") + number("warnings") == 0;
  lines += clean ? "nothing found"
                 : std::to_string(number("errors")) + " errors, " + std::to_string(number("warnings")) +
                       " warnings";
  if (notes == Notes::hidden && number("notes") > 0)
    lines += "; " + std::to_string(number("notes")) + " notes, which --all shows";
  return lines + "\n";
}

std::string render_answer(std::string_view operation, const boost::json::value& answer) {
  if (!answer.is_object()) return render_text(answer);
  const auto& object = answer.get_object();
  if (operation == "system.doctor") return render_findings(object, Notes::shown);
  if (operation == "session.explain") return explanation_of(object);
  if (operation == "series.query" && object.contains("csv")) return std::string(object.at("csv").as_string());
  if (operation == "series.query" && object.contains("rows")) return rows_of(object);
  if (operation == "security.refusals" && object.contains("total")) return refusals_of(object);
  const bool list = operation == "session.list" || operation == "subscription.list" ||
                    operation == "retained.list" || operation == "audit.list";
  const bool is_rows = !object.empty() && object.begin()->value().is_array();
  return list && is_rows ? list_of(object, columns_for(operation)) : render_text(answer);
}

std::string render_text(const boost::json::value& answer) {
  if (!answer.is_object()) return model::json_text(answer) + "\n";
  const auto& object = answer.get_object();
  if (object.empty()) return "done\n";
  const bool only_scalars_in_lists = std::ranges::any_of(object, [](const auto& member) {
    return member.value().is_array() && !member.value().get_array().empty() &&
           !member.value().get_array().front().is_object();
  });
  if (object.size() <= 2 && object.begin()->value().is_array() && !only_scalars_in_lists) {
    return table(object.begin()->value().get_array());
  }
  return page_of(object);
}

}  // namespace dunlin::apps
