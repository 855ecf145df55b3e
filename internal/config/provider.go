package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// variable is ${provider:key} or ${provider:path:key} (KIP-297).
var variable = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

// provider looks a variable up; not ok leaves the text as it is, as Kafka does.
type provider func(path, key string) (value string, ok bool, err error)

// resolveProviders replaces the variables in all values by what the providers
// of config.providers know. Without that key nothing is replaced.
func (l *loader) resolveProviders() error {
	names := splitList(javaTrim(l.explicit["config.providers"]))
	if len(names) == 0 {
		return nil
	}
	providers := make(map[string]provider, len(names))
	for _, name := range names {
		p, err := l.newProvider(name)
		if err != nil {
			return err
		}
		providers[name] = p
	}
	for _, key := range slices.Sorted(maps.Keys(l.explicit)) {
		if strings.HasPrefix(key, "config.providers") {
			continue
		}
		value, err := expand(l.explicit[key], providers)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		l.explicit[key] = value
	}
	return nil
}

func expand(text string, providers map[string]provider) (string, error) {
	var failed error
	out := variable.ReplaceAllStringFunc(text, func(whole string) string {
		m := variable.FindStringSubmatch(whole)
		p := providers[m[1]]
		if p == nil {
			return whole
		}
		value, ok, err := p(m[3], m[4])
		if err != nil {
			failed = err
		}
		if !ok {
			return whole
		}
		return value
	})
	return out, failed
}

func (l *loader) newProvider(name string) (provider, error) {
	prefix := "config.providers." + name
	class := javaTrim(l.explicit[prefix+".class"])
	simple := class[strings.LastIndexByte(class, '.')+1:]
	switch simple {
	case "EnvVarConfigProvider":
		return l.environmentProvider(l.explicit[prefix+".param.allowlist.pattern"])
	case "FileConfigProvider":
		return l.fileProvider(splitList(l.explicit[prefix+".param.allowed.paths"])), nil
	case "DirectoryConfigProvider":
		return l.directoryProvider(splitList(l.explicit[prefix+".param.allowed.paths"])), nil
	}
	return nil, fmt.Errorf("config.providers names %q, but %s.class is %q. Set it to one of Kafka's providers: "+
		"org.apache.kafka.common.config.provider.EnvVarConfigProvider, FileConfigProvider or DirectoryConfigProvider", name, prefix, class)
}

func (l *loader) environmentProvider(allowed string) (provider, error) {
	pattern := regexp.MustCompile(`^.*$`)
	if allowed != "" {
		var err error
		if pattern, err = regexp.Compile("^(?:" + allowed + ")$"); err != nil {
			return nil, fmt.Errorf("allowlist.pattern of the environment config provider: %w", err)
		}
	}
	environment := map[string]string{}
	for _, entry := range l.src.Environ {
		if name, value, ok := strings.Cut(entry, "="); ok && pattern.MatchString(name) {
			environment[name] = value
		}
	}
	return func(path, key string) (string, bool, error) {
		if path != "" {
			return "", false, messageError("Path is not supported for EnvVarConfigProvider, invalid value '%s'", path)
		}
		value, ok := environment[key]
		return value, ok, nil
	}, nil
}

// within tells whether the path lies in one of the allowed folders; an empty
// list allows all.
func within(path string, allowed []string) bool {
	if len(allowed) == 0 {
		return true
	}
	path = filepath.Clean(path)
	return filepath.IsAbs(path) && slices.ContainsFunc(allowed, func(dir string) bool {
		relative, err := filepath.Rel(filepath.Clean(dir), path)
		return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
	})
}

// fileProvider reads keys of properties files: ${file:/path:key}.
func (l *loader) fileProvider(allowed []string) provider {
	return func(path, key string) (string, bool, error) {
		if path == "" || !within(path, allowed) {
			return "", false, nil
		}
		text, err := l.src.ReadFile(path)
		if err != nil {
			return "", false, fmt.Errorf("could not read properties from file %s: %w", path, err)
		}
		properties, err := parseProperties(text)
		if err != nil {
			return "", false, fmt.Errorf("could not read properties from file %s: %w", path, err)
		}
		value, found := "", false
		for _, p := range properties {
			if p.Name == key {
				value, found = p.Value, true
			}
		}
		return value, found, nil
	}
}

// directoryProvider reads whole files: ${directory:/path:file}.
func (l *loader) directoryProvider(allowed []string) provider {
	return func(path, key string) (string, bool, error) {
		if path == "" || !within(path, allowed) || key == "" || key == ".." || strings.ContainsAny(key, `/\`) {
			return "", false, nil
		}
		text, err := l.src.ReadFile(filepath.Join(path, key))
		if err != nil {
			return "", false, fmt.Errorf("could not read file %s for the directory config provider: %w", filepath.Join(path, key), err)
		}
		return string(text), true, nil
	}
}
