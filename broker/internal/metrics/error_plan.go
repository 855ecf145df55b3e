package metrics

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// errorPlan says where the error codes stand in a type of response, so that
// they are found without looking at the type again, and without allocating.
type errorPlan struct {
	// code is the index of the field ErrorCode; -1 if there is none.
	code  int
	below []errorsBelow
}

// errorsBelow is a field that holds a struct, or a list of them, with error codes.
type errorsBelow struct {
	field int
	list  bool
	plan  *errorPlan
}

func planOf(resp kmsg.Response) *errorPlan {
	if plan := planOfType(reflect.TypeOf(resp).Elem()); plan != nil {
		return plan
	}
	return &errorPlan{code: -1}
}

// planOfType gives nil for a type without any error code. The types of messages
// do not contain themselves.
func planOfType(t reflect.Type) *errorPlan {
	plan := &errorPlan{code: -1}
	for i := range t.NumField() {
		field := t.Field(i)
		switch of := field.Type; {
		case field.Name == "ErrorCode" && of.Kind() == reflect.Int16:
			plan.code = i
		case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
			if below := planOfType(of.Elem()); below != nil {
				plan.below = append(plan.below, errorsBelow{field: i, list: true, plan: below})
			}
		case of.Kind() == reflect.Struct:
			if below := planOfType(of); below != nil {
				plan.below = append(plan.below, errorsBelow{field: i, plan: below})
			}
		}
	}
	if plan.code < 0 && plan.below == nil {
		return nil
	}
	return plan
}

// count counts the error codes of a response; one without any counts as NONE.
func (p *errorPlan) count(resp kmsg.Response, a *apiStats) {
	if p.code < 0 && p.below == nil {
		a.countError(0, 1)
		return
	}
	p.countValue(reflect.ValueOf(resp).Elem(), a)
}

func (p *errorPlan) countValue(v reflect.Value, a *apiStats) {
	if p.code >= 0 {
		a.countError(int16(v.Field(p.code).Int()), 1)
	}
	for _, b := range p.below {
		field := v.Field(b.field)
		if !b.list {
			b.plan.countValue(field, a)
			continue
		}
		for i := range field.Len() {
			b.plan.countValue(field.Index(i), a)
		}
	}
}
