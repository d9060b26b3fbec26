#pragma once
// What names mean at a place of a query, or of an expression on its own.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/query/expression.h"
#include "service/query/syntax.h"
#include "service/query/tables.h"

namespace dunlin::query {

struct ScopeColumn {
  std::size_t column = 0;  // of the batches
  Type type = Type::null;
};

/// The columns of a FROM.
class Scope {
 public:
  virtual ~Scope() = default;
  /// `qualifier` may be empty. nullopt: there is no such column.
  virtual std::optional<ScopeColumn> find(std::string_view qualifier, std::string_view name) = 0;
  /// The names that SELECT * stands for.
  virtual std::vector<std::string> names() const = 0;
};

/// A table, of which only the columns are read that were found.
class TableScope final : public Scope {
 public:
  TableScope(Table table, std::string alias) : table_(std::move(table)), alias_(std::move(alias)) {}
  std::optional<ScopeColumn> find(std::string_view qualifier, std::string_view name) override;
  std::vector<std::string> names() const override;
  const Table& table() const { return table_; }
  const std::vector<TableColumn>& used() const { return used_; }

 private:
  Table table_;
  std::string alias_;
  std::vector<TableColumn> used_;
};

/// The columns of a sub-select.
class RowScope final : public Scope {
 public:
  RowScope(std::vector<std::string> names, std::vector<Type> types, std::string alias)
      : names_(std::move(names)), types_(std::move(types)), alias_(std::move(alias)) {}
  std::optional<ScopeColumn> find(std::string_view qualifier, std::string_view name) override;
  std::vector<std::string> names() const override { return names_; }

 private:
  std::vector<std::string> names_;
  std::vector<Type> types_;
  std::string alias_;
};

/// Turns syntax into expressions.
class Binder {
 public:
  Binder(std::string_view sql, WallTime now) : sql_(sql), now_(now) {}

  /// Names are those of the scope; parts that are known already are columns.
  Result<ExpressionPtr> bind(const Syntax& syntax, Scope& scope);
  /// As bind(), of a condition.
  Result<ExpressionPtr> bind_condition(const Syntax& syntax, Scope& scope);
  /// Expressions like this one are this column from now on.
  void know(const Syntax& syntax, ScopeColumn column) { known_[syntax.identity] = column; }
  /// From now on names must be part of what is known.
  void close_names() { are_names_closed_ = true; }
  std::unexpected<Error> wrong(const Syntax& syntax, Errc code, const std::string& what) const;

 private:
  Result<ExpressionPtr> bind_name(const Syntax& syntax, Scope& scope);
  Result<ExpressionPtr> bind_call(const Syntax& syntax, Scope& scope);

  std::string_view sql_;
  WallTime now_;
  std::map<Identity, ScopeColumn> known_;
  std::size_t bound_ = 0;
  bool are_names_closed_ = false;
};

}  // namespace dunlin::query
