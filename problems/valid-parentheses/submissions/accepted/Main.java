import java.io.*;

public class Main {
    static boolean isValid(String brackets) {
        char[] expected = new char[brackets.length()];
        int depth = 0;
        for (char c : brackets.toCharArray()) {
            if (c == '(') expected[depth++] = ')';
            else if (c == '[') expected[depth++] = ']';
            else if (c == '{') expected[depth++] = '}';
            else if (depth == 0 || expected[--depth] != c) return false;
        }
        return depth == 0;
    }

    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (int k = Integer.parseInt(in.readLine()); k > 0; k--)
            out.append(isValid(in.readLine()) ? "yes\n" : "no\n");
        System.out.print(out);
    }
}
