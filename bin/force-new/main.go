// Command force-new says which arguments of Google's resources cannot be changed in place.
//
// It reads `ForceNew: true` out of the schemas in a checkout of hashicorp/terraform-provider-google-beta, which
// @pulumi/gcp bridges, and prints them under the names that Pulumi gives them (preview/diff/google-force-new.json):
//
//	cd bin/force-new && go run . CHECKOUT VERSION > ../../preview/diff/google-force-new.json
//
// What it does not understand ends it: it leaves nothing out in silence.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"os"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// Report is what is printed.
type Report struct {
	Source string               `json:"source"`
	Types  map[string]*Resource `json:"types"`
}

// Resource has paths of arguments, members of lists as `*`.
type Resource struct {
	// Arguments whose change replaces the resource.
	Fields []string `json:"fields"`
	// Objects, and lists of them, that replace it when they come or go, or grow or shrink.
	Blocks []string `json:"blocks"`
	// Those of both whose removal changes nothing: the cloud's value stays (Optional and Computed).
	Kept []string `json:"kept"`
	// Those whose members have no order.
	Sets []string `json:"sets"`
	// What an argument is that is left out.
	Defaults map[string]any `json:"defaults"`
}

// Resources of the Pulumi program: the package and the function of each schema.
var resources = map[string][2]string{
	"gcp:compute/globalAddress:GlobalAddress":                 {"compute", "ResourceComputeGlobalAddress"},
	"gcp:compute/managedSslCertificate:ManagedSslCertificate": {"compute", "ResourceComputeManagedSslCertificate"},
	"gcp:compute/network:Network":                             {"compute", "ResourceComputeNetwork"},
	"gcp:compute/router:Router":                               {"compute", "ResourceComputeRouter"},
	"gcp:compute/routerNat:RouterNat":                         {"compute", "ResourceComputeRouterNat"},
	"gcp:compute/subnetwork:Subnetwork":                       {"compute", "ResourceComputeSubnetwork"},
	"gcp:container/cluster:Cluster":                           {"container", "ResourceContainerCluster"},
	"gcp:container/nodePool:NodePool":                         {"container", "ResourceContainerNodePool"},
	"gcp:projects/service:Service":                            {"resourcemanager", "ResourceGoogleProjectService"},
	"gcp:projects/serviceIdentity:ServiceIdentity":            {"resourcemanager", "ResourceProjectServiceIdentity"},
	"gcp:serviceaccount/account:Account":                      {"resourcemanager", "ResourceGoogleServiceAccount"},
	"gcp:servicenetworking/connection:Connection":             {"servicenetworking", "ResourceServiceNetworkingConnection"},
	"gcp:sql/databaseInstance:DatabaseInstance":               {"sql", "ResourceSqlDatabaseInstance"},
	"gcp:sql/user:User":                                       {"sql", "ResourceSqlUser"},
	"gcp:storage/bucket:Bucket":                               {"storage", "ResourceStorageBucket"},
}

// IAM members: what they belong to, beside what all of them have.
var members = map[string][2]string{
	"gcp:iap/webTypeComputeIamMember:WebTypeComputeIamMember": {"iap", "IapWebTypeComputeIamSchema"},
	"gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember":           {"kms", "IamKmsCryptoKeySchema"},
	"gcp:projects/iAMMember:IAMMember":                        {"resourcemanager", "IamProjectSchema"},
	"gcp:storage/bucketIAMMember:BucketIAMMember":             {"storage", "StorageBucketIamSchema"},
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run . CHECKOUT VERSION")
		os.Exit(2)
	}
	source := &Source{Root: os.Args[1]}
	report := Report{Source: "hashicorp/terraform-provider-google-beta " + os.Args[2], Types: map[string]*Resource{}}
	for name, at := range resources {
		report.Types[name] = resource(source.Resource(at[0], at[1]))
	}
	for name, at := range members {
		fields := source.Fields(&scope{pkg: "tpgiamresource"}, ast.NewIdent("IamMemberBaseSchema"))
		for key, field := range source.Fields(&scope{pkg: at[0]}, ast.NewIdent(at[1])) {
			fields[key] = field
		}
		report.Types[name] = resource(fields)
	}
	printed, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(printed))
}

func resource(fields map[string]*Schema) *Resource {
	out := &Resource{[]string{}, []string{}, []string{}, []string{}, map[string]any{}}
	collect(out, fields, "")
	sort.Strings(out.Fields)
	sort.Strings(out.Blocks)
	sort.Strings(out.Kept)
	sort.Strings(out.Sets)
	return out
}

func collect(out *Resource, fields map[string]*Schema, above string) {
	for name, field := range fields {
		path := above + pulumiName(name, field)
		// What the cloud alone says is no argument.
		if field.ForceNew && (field.Optional || field.Required) {
			if field.Fields == nil {
				out.Fields = append(out.Fields, path)
			} else {
				out.Blocks = append(out.Blocks, path)
			}
			if field.Optional && field.Computed {
				out.Kept = append(out.Kept, path)
			}
			if field.Fields == nil && field.Type == "Set" {
				out.Sets = append(out.Sets, path)
			}
			if field.Default != nil {
				out.Defaults[path] = literal(field.Default)
			}
		}
		if field.Fields != nil {
			if field.many() {
				path += ".*"
			}
			collect(out, field.Fields, path+".")
		}
	}
}

// pulumiName is the name that pulumi-terraform-bridge gives (pkg/tfbridge/names.go, TerraformToPulumiNameV2): in camel
// case, and in the plural for lists that may have several members.
func pulumiName(name string, field *Schema) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		words[i+1] = string(unicode.ToUpper(rune(word[0]))) + word[1:]
	}
	name = strings.Join(words, "")
	if !field.many() || strings.HasSuffix(name, "s") {
		return name
	}
	if strings.HasSuffix(name, "y") {
		return strings.TrimSuffix(name, "y") + "ies"
	}
	return name + "s"
}

func literal(value ast.Expr) any {
	switch v := value.(type) {
	case *ast.Ident:
		return v.Name == "true"
	case *ast.BasicLit:
		if text, err := strconv.Unquote(v.Value); err == nil {
			return text
		}
		number, err := strconv.Atoi(v.Value)
		if err != nil {
			panic("a default that is no literal: " + v.Value)
		}
		return number
	}
	panic(fmt.Sprintf("a default that is no literal: %T", value))
}
