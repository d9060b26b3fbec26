#include "apps/render.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "model/text.h"

namespace dunlin::apps {
namespace {

constexpr std::size_t kMaxCellBytes = 60;

std::string cell(const boost::json::value& value) {
  if (value.is_null()) return "-";
  std::string text = value.is_string() ? std::string(value.get_string()) : model::json_text(value);
  std::ranges::replace(text, '\n', ' ');
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

std::string table(const boost::json::array& rows) {
  if (rows.empty()) return "(none)\n";
  const auto columns = columns_of(rows);
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
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t width = 0;
      for (const auto& other : cells) width = std::max(width, other[i].size());
      text += line[i];
      if (i + 1 < line.size()) text += std::string(width - line[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace

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
  std::size_t width = 0;
  for (const auto& member : object) width = std::max(width, member.key().size());
  std::string text;
  for (const auto& member : object) {
    const auto& value = member.value();
    text += std::string(member.key()) + std::string(width - member.key().size() + 2, ' ');
    text += value.is_string() ? std::string(value.get_string()) : model::json_text(value);
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

}  // namespace dunlin::apps
