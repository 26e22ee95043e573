package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// Schema is what is asked of a schema.Schema.
type Schema struct {
	Type                                   string
	ForceNew, Optional, Required, Computed bool
	Default                                ast.Expr
	// The literal; empty where any number of members is allowed.
	MaxItems string
	// Of a list of objects; nil where members are plain.
	Fields map[string]*Schema
}

func (s *Schema) many() bool { return (s.Type == "List" || s.Type == "Set") && s.MaxItems != "1" }

// Source is a checkout of the provider.
type Source struct {
	Root     string
	packages map[string]*goPackage
	files    token.FileSet
}

type goPackage struct {
	vars  map[string]ast.Expr
	funcs map[string]*ast.FuncDecl
}

// scope is where a name is looked up: a package, and the variables of a function.
type scope struct {
	pkg   string
	local map[string]ast.Expr
}

func (s *Source) fail(at ast.Node, what string) {
	panic(fmt.Sprintf("%s: %s (%T)", s.files.Position(at.Pos()), what, at))
}

func (s *Source) load(name string) *goPackage {
	if found, ok := s.packages[name]; ok {
		return found
	}
	folder := filepath.Join(s.Root, "google-beta", "services", name)
	if strings.HasPrefix(name, "tpg") {
		folder = filepath.Join(s.Root, "google-beta", name)
	}
	pkg := &goPackage{map[string]ast.Expr{}, map[string]*ast.FuncDecl{}}
	paths, _ := filepath.Glob(filepath.Join(folder, "*.go"))
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "data_source") {
			continue
		}
		file, err := parser.ParseFile(&s.files, path, nil, 0)
		if err != nil {
			panic(err)
		}
		pkg.add(file)
	}
	if s.packages == nil {
		s.packages = map[string]*goPackage{}
	}
	s.packages[name] = pkg
	return pkg
}

func (p *goPackage) add(file *ast.File) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				p.funcs[d.Name.Name] = d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range v.Names {
					if i < len(v.Values) {
						p.vars[name.Name] = v.Values[i]
					}
				}
			}
		}
	}
}

// Resource reads the Schema that a function `func() *schema.Resource` returns.
func (s *Source) Resource(pkg, function string) map[string]*Schema {
	declaration := s.load(pkg).funcs[function]
	if declaration == nil {
		panic(pkg + " has no " + function)
	}
	var found map[string]*Schema
	ast.Inspect(declaration.Body, func(at ast.Node) bool {
		literal, ok := at.(*ast.CompositeLit)
		if found != nil || !ok {
			return found == nil
		}
		if isResource(literal) {
			found = s.resourceFields(&scope{pkg: pkg}, literal)
		}
		return false
	})
	if found == nil {
		s.fail(declaration, "no schema.Resource")
	}
	return found
}

func isResource(literal *ast.CompositeLit) bool {
	selector, ok := literal.Type.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "Resource"
}

func (s *Source) resourceFields(in *scope, literal *ast.CompositeLit) map[string]*Schema {
	for _, element := range literal.Elts {
		pair := element.(*ast.KeyValueExpr)
		if pair.Key.(*ast.Ident).Name == "Schema" {
			return s.Fields(in, pair.Value)
		}
	}
	s.fail(literal, "no Schema")
	return nil
}

// Fields reads a `map[string]*schema.Schema`.
func (s *Source) Fields(in *scope, expression ast.Expr) map[string]*Schema {
	in, resolved := s.resolve(in, expression)
	out := map[string]*Schema{}
	switch v := resolved.(type) {
	case *ast.CallExpr:
		// tpgresource.MergeSchemas: the later win.
		for _, argument := range v.Args {
			for key, field := range s.Fields(in, argument) {
				out[key] = field
			}
		}
	case *ast.CompositeLit:
		for _, element := range v.Elts {
			pair := element.(*ast.KeyValueExpr)
			key, ok := pair.Key.(*ast.BasicLit)
			if !ok {
				s.fail(pair, "a key that is no text")
			}
			name, _ := strconv.Unquote(key.Value)
			out[name] = s.schema(in, pair.Value)
		}
	default:
		s.fail(resolved, "no map of schemas")
	}
	return out
}

func (s *Source) schema(in *scope, expression ast.Expr) *Schema {
	in, resolved := s.resolve(in, expression)
	literal, ok := resolved.(*ast.CompositeLit)
	if !ok {
		s.fail(resolved, "no schema")
	}
	out := &Schema{}
	for _, element := range literal.Elts {
		pair := element.(*ast.KeyValueExpr)
		switch pair.Key.(*ast.Ident).Name {
		case "Type":
			out.Type = strings.TrimPrefix(pair.Value.(*ast.SelectorExpr).Sel.Name, "Type")
		case "ForceNew":
			out.ForceNew = s.isTrue(in, pair.Value)
		case "Optional":
			out.Optional = s.isTrue(in, pair.Value)
		case "Required":
			out.Required = s.isTrue(in, pair.Value)
		case "Computed":
			out.Computed = s.isTrue(in, pair.Value)
		case "Default":
			out.Default = s.value(in, pair.Value)
		case "MaxItems":
			limit, ok := s.value(in, pair.Value).(*ast.BasicLit)
			if !ok {
				s.fail(pair, "MaxItems")
			}
			out.MaxItems = limit.Value
		case "Elem":
			out.Fields = s.members(in, pair.Value)
		}
	}
	return out
}

// members are the fields of a list's objects; nil where they are plain values, for which the list's own ForceNew holds
// (terraform-plugin-sdk, helper/schema/schema.go, diffList).
func (s *Source) members(in *scope, expression ast.Expr) map[string]*Schema {
	in, resolved := s.resolve(in, expression)
	literal := resolved.(*ast.CompositeLit)
	if isResource(literal) {
		return s.resourceFields(in, literal)
	}
	if s.schema(in, literal).Fields != nil {
		s.fail(literal, "a list of lists of objects")
	}
	return nil
}

func (s *Source) isTrue(in *scope, expression ast.Expr) bool {
	name, ok := s.value(in, expression).(*ast.Ident)
	if !ok || (name.Name != "true" && name.Name != "false") {
		s.fail(expression, "neither true nor false")
	}
	return name.Name == "true"
}

func (s *Source) value(in *scope, expression ast.Expr) ast.Expr {
	if name, ok := expression.(*ast.Ident); ok {
		if found, ok := s.load(in.pkg).vars[name.Name]; ok {
			return s.value(in, found)
		}
	}
	return expression
}

// resolve follows names and calls to a literal, or to a call of MergeSchemas.
func (s *Source) resolve(in *scope, expression ast.Expr) (*scope, ast.Expr) {
	switch v := expression.(type) {
	case *ast.UnaryExpr:
		return s.resolve(in, v.X)
	case *ast.CompositeLit:
		return in, v
	case *ast.Ident:
		if found, ok := in.local[v.Name]; ok {
			return s.resolve(&scope{pkg: in.pkg}, found)
		}
		if found, ok := s.load(in.pkg).vars[v.Name]; ok {
			return s.resolve(&scope{pkg: in.pkg}, found)
		}
	case *ast.SelectorExpr:
		pkg := packageOf(v)
		if found, ok := s.load(pkg).vars[v.Sel.Name]; ok {
			return s.resolve(&scope{pkg: pkg}, found)
		}
	case *ast.CallExpr:
		return s.call(in, v)
	}
	s.fail(expression, "not understood")
	return nil, nil
}

// call follows a function that returns what it makes, with nothing between but variables.
func (s *Source) call(in *scope, call *ast.CallExpr) (*scope, ast.Expr) {
	pkg, name := in.pkg, ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		pkg, name = packageOf(f), f.Sel.Name
	}
	if name == "MergeSchemas" {
		return in, call
	}
	declaration, ok := s.load(pkg).funcs[name]
	if !ok {
		s.fail(call, "a function that is not there")
	}
	inner := &scope{pkg, map[string]ast.Expr{}}
	for _, statement := range declaration.Body.List {
		switch v := statement.(type) {
		case *ast.AssignStmt:
			variable, ok := v.Lhs[0].(*ast.Ident)
			if !ok || len(v.Lhs) != 1 {
				s.fail(v, "an assignment")
			}
			inner.local[variable.Name] = v.Rhs[0]
		case *ast.ReturnStmt:
			return s.resolve(inner, v.Results[0])
		default:
			s.fail(v, "a statement")
		}
	}
	s.fail(call, "returns nothing")
	return nil, nil
}

func packageOf(selector *ast.SelectorExpr) string {
	name, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(name.Name, "_tpg")
}
